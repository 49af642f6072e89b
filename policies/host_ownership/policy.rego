# METADATA
# title: Hosts of other namespaces
# description: |
#   Ingress controllers serve whoever claims a host first, or mix the rules of all: a second namespace that claims it gets
#   some of the requests, with the cookies and logins in them, or takes the host over when the first is redeployed.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:SC-7"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/ingress/#name-based-virtual-hosting
#   match:
#     kinds:
#       - apiGroups: [networking.k8s.io, extensions]
#         kinds: [Ingress]
#       - apiGroups: [gateway.networking.k8s.io]
#         kinds: [HTTPRoute, GRPCRoute, TLSRoute]
#   parameters:
#     # Hosts that several namespaces share on purpose.
#     sharedHosts: []
package lockkeeper.host_ownership

import data.lockkeeper.lib.hosts

deny contains violation if {
	some path, claim in _claims
	some other, paths in _owners(claim.host)
	some taken in paths
	taken in claim.paths
	violation := _violation(path, claim, other, sprintf("%s%s belongs to %s already", [claim.host, taken, other]))
}

# Another path of the same host: some share a host so, but what is shared are also its cookies.
warn contains violation if {
	some path, claim in _claims
	some other, paths in _owners(claim.host)
	count(claim.paths & paths) == 0
	violation := _violation(path, claim, other, sprintf("%s is served by %s too, under another path", [claim.host, other]))
}

_violation(path, claim, other, text) := {
	"msg": text,
	"path": path,
	"details": {"host": claim.host, "owner": other},
	"remedy": {"text": "use a host of your own, or have the other namespace give this one up first"},
}

# What the object claims and did not have before; without a host it claims no name.
_claims[path] := {"host": host, "paths": hosts.paths(input.review.object, host)} if {
	some path, host in hosts.of(input.review.object)
	host != ""
	not host in _shared_hosts
	not _had(host)
}

_had(host) if {
	some had in hosts.of(input.review.oldObject)
	had == host
}

# Who else has a host: `Ingress shop/web`, with the paths.
_owners(host) := {owner: paths |
	some other in input.related.objects
	other.metadata.namespace != input.review.namespace
	some claimed in hosts.of(other)
	claimed == host
	_meets(other, input.review.object)
	owner := sprintf("%s %s/%s", [other.kind, other.metadata.namespace, other.metadata.name])
	paths := hosts.paths(other, host)
}

# Two classes of Ingress are two controllers, two Gateways two addresses; of a mixture nobody knows.
_meets(one, another) if {
	one.kind == "Ingress"
	another.kind == "Ingress"
	_class(one) == _class(another)
}

_meets(one, another) if {
	one.kind != "Ingress"
	another.kind != "Ingress"
	count(hosts.gateways(one) & hosts.gateways(another)) > 0
}

_meets(one, another) if {
	one.kind != another.kind
	"Ingress" in {one.kind, another.kind}
}

_class(ingress) := ingress.spec.ingressClassName if {
	is_string(ingress.spec.ingressClassName)
} else := object.get(ingress, ["metadata", "annotations", "kubernetes.io/ingress.class"], "")

default _shared_hosts := []

_shared_hosts := input.parameters.sharedHosts
