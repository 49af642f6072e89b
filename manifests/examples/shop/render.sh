#!/bin/sh
# Renders overlays/<env> with kustomize into envs/<env>, one file per service.
#
#   ./render.sh           writes envs/ anew
#   ./render.sh --check   writes nothing; ends with 1 when envs/ is not what the overlays give
#
# KUSTOMIZE names the program; the default is kustomize, and envs/ was made with v5.8.1.
set -eu

kustomize=${KUSTOMIZE:-kustomize}
shop=$(cd "$(dirname "$0")" && pwd)

case "$#:${1-}" in
0:) check=false ;;
1:--check) check=true ;;
*)
  echo "usage: $0 [--check]" >&2
  exit 2
  ;;
esac
if ! command -v "$kustomize" >/dev/null; then
  echo "$0: needs kustomize (looked for: $kustomize)" >&2
  exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# An object goes to the file named by its label app.kubernetes.io/name;
# what has no such label belongs to the whole namespace.
split() {
  awk -v dir="$1" '
    function flush(  file) {
      if (text == "") return
      file = dir "/" (name == "" ? "namespace" : name) ".yaml"
      if (file in seen) print "---" > file
      seen[file] = 1
      printf "%s", text > file
      text = name = ""
    }
    $0 == "---" { flush(); next }
    /^[^ ]/ { metadata = ($0 == "metadata:"); labels = 0 }
    metadata && /^  [^ ]/ { labels = ($0 == "  labels:") }
    labels && $1 == "app.kubernetes.io/name:" { name = $2 }
    { text = text $0 "\n" }
    END { flush() }
  '
}

for env in dev prod; do
  mkdir "$work/$env"
  "$kustomize" build "$shop/overlays/$env" >"$work/$env.yaml"
  split "$work/$env" <"$work/$env.yaml"
done
rm "$work/dev.yaml" "$work/prod.yaml"

if $check; then
  diff -r "$shop/envs" "$work" && echo "envs/ is what the overlays give"
else
  rm -rf "$shop/envs"
  mkdir "$shop/envs"
  cp -R "$work/." "$shop/envs"
fi
