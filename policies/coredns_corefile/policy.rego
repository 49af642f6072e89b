# METADATA
# title: DNS of the cluster redirected
# description: |
#   Every pod asks CoreDNS where its database, its registry and the API of its cloud are. A line that rewrites names,
#   answers them itself or asks somebody else sends that traffic, credentials included, where its author likes.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:CM-5"]
#   docs: https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers/
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [ConfigMap]
#     namespaces: [kube-system]
#   parameters:
#     # ConfigMaps that name servers are configured with; a name may end in `*`.
#     configMaps: [coredns*, kube-dns*, node-local-dns*, nodelocaldns*]
#     # Resolvers outside that forwarding to is nothing new, as addresses or names.
#     allowedResolvers: []
package lockkeeper.coredns_corefile

import data.lockkeeper.lib.address
import data.lockkeeper.lib.pointer

warn contains violation if {
	some key, lines in _new_lines
	some line in lines
	plugin := split(line, " ")[0]
	harm := _plugins[plugin]
	violation := {
		"msg": sprintf("%s gets a line with the plugin %s: %s", [key, plugin, harm]),
		"path": pointer.join(["data", key]),
		"details": {"plugin": plugin, "line": line},
		"remedy": {"text": "take the line out; names of one's own belong into a Service or a private zone"},
	}
}

warn contains violation if {
	some key, lines in _new_lines
	some line in lines
	some resolver in _resolvers(line)
	not resolver in input.parameters.allowedResolvers
	_is_outside(resolver)
	violation := {
		"msg": sprintf("%s asks the resolver %s, outside the cluster's network", [key, resolver]),
		"path": pointer.join(["data", key]),
		"details": {"resolver": resolver},
		"remedy": {"text": "forward to the resolver of the nodes (/etc/resolv.conf), or allow this one by parameter"},
	}
}

_plugins := {
	"rewrite": "it gives a name the answer of another one",
	"template": "it makes up answers",
	"hosts": "it answers names itself",
	"file": "it answers a zone from a file",
	"import": "it brings in lines that are not seen here",
}

# The lines of each key that it had not before, without white space around them.
_new_lines[key] contains line if {
	_is_dns
	some key, text in input.review.object.data
	is_string(text)
	old := {trim_space(old_line) | some old_line in split(_old_text(key), "\n")}
	some raw in split(text, "\n")
	line := trim_space(raw)
	not line in old
	line != ""
	not startswith(line, "#")
}

default _old_text(_) := ""

_old_text(key) := input.review.oldObject.data[key] if is_string(input.review.oldObject.data[key])

# `forward <zone> <resolver>…`; kube-dns has lists of addresses in JSON.
_resolvers(line) := {_host(word) |
	words := [word | some word in split(line, " "); word != ""]
	words[0] in {"forward", "proxy"}
	some word in array.slice(words, 2, count(words))
	not word in {"{", "}"}
} if {
	not contains(line, "\"")
}

_resolvers(line) := {_host(word) |
	some each in split(line, "\"")
	word := trim_space(each)
	address.is_ip(split(word, ":")[0])
} if {
	contains(line, "\"")
}

# A resolver may have a scheme and a port.
_host(resolver) := host if {
	contains(resolver, "://")
	host := address.host_of(resolver)
} else := address.host_of(concat("", ["dns://", resolver]))

_is_outside(resolver) if {
	address.is_ip(resolver)
	not address.is_internal(resolver)
}

_is_dns if input.review.name in input.parameters.configMaps

_is_dns if {
	some pattern in input.parameters.configMaps
	endswith(pattern, "*")
	startswith(input.review.name, trim_suffix(pattern, "*"))
}
