# METADATA
# title: Configuration snippets in Ingresses
# description: |
#   What an annotation like `configuration-snippet` holds becomes configuration of the Ingress controller, which serves all
#   teams: it can read the controller's token, and with it every Secret of the cluster (CVE-2021-25742).
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:SI-10"]
#   # What is open already stays writable, so that an upgrade of its labels does not fail; what is opened is new.
#   ratchet: true
#   docs: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/configmap/#allow-snippet-annotations
#   match:
#     kinds:
#       - apiGroups: [networking.k8s.io, extensions]
#         kinds: [Ingress]
#   parameters:
#     # Nothing that configures one application needs these, in a snippet or in any other annotation of the controller.
#     deniedWords: [_by_lua, lua_package, load_module, serviceaccount, /run/secrets, /proc/, /etc/nginx]
package lockkeeper.ingress_snippets

import data.lockkeeper.lib.pointer

deny contains violation if {
	some key, value in _annotations
	word := _denied_word(value)
	violation := {
		"msg": sprintf(`the annotation %s contains "%s": that reaches into the Ingress controller itself`, [key, word]),
		"path": pointer.join(["metadata", "annotations", key]),
		"details": {"annotation": key, "word": word},
		"remedy": {"text": "remove the annotation, and have those who run the controller configure what is needed"},
	}
}

warn contains violation if {
	some key, value in _annotations
	_is_snippet(key)
	not _denied_word(value)
	violation := {
		"msg": sprintf("the annotation %s writes configuration of the Ingress controller, which all teams share", [key]),
		"path": pointer.join(["metadata", "annotations", key]),
		"details": {"annotation": key},
		"remedy": {"text": "use the annotation that is made for the purpose, or have those who run the controller configure it"},
	}
}

# Those that an Ingress controller built on NGINX or HAProxy reads.
_annotations[key] := value if {
	some key, value in input.review.object.metadata.annotations
	is_string(value)
	domain := split(key, "/")[0]
	strings.any_suffix_match(domain, ["ingress.kubernetes.io", "nginx.org", "nginx.com", "haproxy.org", "haproxy-ingress.github.io"])
}

_is_snippet(key) if strings.any_suffix_match(key, ["-snippet", "-snippets"])

# The first of the words that are listed.
_denied_word(value) := [word | some word in _denied_words; contains(value, word)][0]

default _denied_words := ["_by_lua", "lua_package", "load_module", "serviceaccount", "/run/secrets", "/proc/", "/etc/nginx"]

_denied_words := input.parameters.deniedWords
