# METADATA
# title: Wildcard hosts
# description: |
#   An Ingress or route without a host, or with `*` in it, answers for names that other teams will use, and for names that
#   were given up: what nobody else claims goes to this application, with the cookies that browsers send.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:SC-7"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/ingress/#hostname-wildcards
#   match:
#     kinds:
#       - apiGroups: [networking.k8s.io, extensions]
#         kinds: [Ingress]
#       - apiGroups: [gateway.networking.k8s.io]
#         kinds: [HTTPRoute, GRPCRoute, TLSRoute]
#   parameters:
#     # As `*.preview.example.com`.
#     allowed: []
package lockkeeper.wildcard_hosts

import data.lockkeeper.lib.hosts

warn contains violation if {
	some path, host in hosts.of(input.review.object)
	_is_wildcard(host)
	not host in _allowed
	violation := {
		"msg": sprintf("%s: requests for names that nobody else claims come here", [hosts.label(host)]),
		"path": path,
		"details": {"host": host},
		"remedy": {"text": "name each host that the application has"},
	}
}

warn contains violation if {
	some field in ["defaultBackend", "backend"]
	is_object(input.review.object.spec[field])
	hosts.has_items(input.review.object, "rules")
	violation := {
		"msg": sprintf("%s takes every request that no rule of any Ingress matches", [field]),
		"path": concat("/", ["/spec", field]),
		"details": {"host": ""},
		"remedy": {"text": "leave the answer to unknown names to the Ingress controller"},
	}
}

_is_wildcard("")

_is_wildcard(host) if startswith(host, "*")

default _allowed := []

_allowed := input.parameters.allowed
