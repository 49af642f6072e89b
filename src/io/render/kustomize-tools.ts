import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { findProgram } from './find-tool.js'

/**
 * A PATH on which git and helm, when kustomize starts them, do only what a kustomization may ask of them: the name of a
 * branch is never taken for a flag of `git fetch` (which can name a program to run), and helm loads no plugins from
 * directories that a kustomization names.
 *
 * @see Argo CD, GHSA-9v9p-x54c-58gc and GHSA-fw5c-w8rc-j7fx
 */
export async function guardedPath(path: string | undefined, temporary: string): Promise<string> {
  const folder = join(temporary, 'guarded')
  const home = join(temporary, 'helm-of-kustomize')
  await mkdir(folder, { recursive: true })
  await mkdir(home, { recursive: true })
  const scripts = {
    git: (git: string) => `case "$1" in
fetch)
  if [ "$#" -ne 4 ] || [ "$2" != --depth=1 ]; then
    echo "git fetch is not run with these arguments: $*" >&2
    exit 1
  fi
  exec ${git} fetch --depth=1 --end-of-options "$3" "$4" ;;
*) exec ${git} "$@" ;;
esac
`,
    helm: (helm: string) => `export HELM_DATA_HOME=${quote(home)} HELM_CONFIG_HOME=${quote(home)}
export HELM_PLUGINS=${quote(join(home, 'plugins'))}
exec ${helm} "$@"
`,
  }
  for (const [name, script] of Object.entries(scripts)) {
    const program = await findProgram(name, path)
    if (program === null) continue
    const file = join(folder, name)
    await writeFile(file, `#!/bin/sh\n${script(quote(program))}`)
    await chmod(file, 0o700)
  }
  return path === undefined || path === '' ? folder : `${folder}${delimiter}${path}`
}

/** One word of a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
