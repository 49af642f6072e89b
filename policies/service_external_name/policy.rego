# METADATA
# title: Services that stand for another name
# description: |
#   A Service of type ExternalName lets whoever calls it reach another name instead, past NetworkPolicies that go by pods:
#   an Ingress in front of it publishes what is behind that name, be it the cloud's metadata or another team's Service.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:SC-7"]
#   # What is open already stays writable, so that an upgrade of its labels does not fail; what is opened is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/#externalname
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Service]
#   parameters:
#     # Names, and endings that begin with a dot, which are nobody's concern.
#     allowed: []
#     # Never to be published: the metadata of the clouds, and the API server.
#     denied:
#       - instance-data
#       - instance-data.ec2.internal
#       - kubernetes.default.svc
#       - kubernetes.default.svc.cluster.local
#       - localhost
#       - metadata
#       - metadata.google.internal
package lockkeeper.service_external_name

deny contains violation if {
	_is_denied
	violation := _violation("the metadata of the cloud, the API server or the node itself", "remove this Service")
}

warn contains violation if {
	not _is_denied
	_is_in_the_cluster
	violation := _violation(
		"another Service of the cluster, past the NetworkPolicies between namespaces",
		"call the Service by its own name, and let its team allow it with a NetworkPolicy",
	)
}

warn contains violation if {
	not _is_denied
	not _is_in_the_cluster
	not _is_allowed
	violation := _violation(
		"a name outside of the cluster: whoever owns it, or gets it once it is given up, answers",
		"let the application call the name itself, with TLS, or list the name in the parameter allowed",
	)
}

_violation(meaning, remedy) := {
	"msg": sprintf("the Service stands for %s, %s", [_name, meaning]),
	"path": "/spec/externalName",
	"details": {"externalName": _name},
	"remedy": {"text": remedy},
}

# DNS knows no case, and a dot at the end changes nothing.
_name := lower(trim_right(input.review.object.spec.externalName, ".")) if {
	input.review.object.spec.type == "ExternalName"
}

_is_denied if _name in _denied

# Loopback and link-local addresses: names to DNS, but much software takes them for what they look like.
_is_denied if strings.any_prefix_match(_name, ["127.", "169.254."])

_is_in_the_cluster if strings.any_suffix_match(_name, [".svc", ".cluster.local"])

_is_allowed if _name in _allowed

_is_allowed if {
	some ending in _allowed
	startswith(ending, ".")
	endswith(_name, ending)
}

default _allowed := []

_allowed := input.parameters.allowed

default _denied := [
	"instance-data",
	"instance-data.ec2.internal",
	"kubernetes.default.svc",
	"kubernetes.default.svc.cluster.local",
	"localhost",
	"metadata",
	"metadata.google.internal",
]

_denied := input.parameters.denied
