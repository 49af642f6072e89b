# METADATA
# title: Services on node ports
# description: |
#   A node port opens the Service on the address of every node, past Ingress, TLS and most firewalls' idea of what the
#   cluster offers. Whoever reaches one node reaches the application.
# custom:
#   severity: medium
#   controls: ["MITRE:T1133", "NIST:SP800-53:SC-7"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Service]
#   parameters:
#     # Port numbers of nodes that may be used all the same; only a number that the Service names itself can be one.
#     allowed: []
package lockkeeper.service_node_port

import data.lockkeeper.lib.workload

# One violation for each port: what a later change adds is new.
warn contains violation if {
	spec := input.review.object.spec
	spec.type == "NodePort"
	is_array(spec.ports)
	some i, port in spec.ports
	is_object(port)
	not _is_allowed(port)
	violation := {
		"msg": sprintf("port %v is opened on every node", [object.get(port, "port", workload.name(port))]),
		"path": concat("", ["/spec/ports/", format_int(i, 10)]),
		"details": {"port": object.get(port, "port", null)},
		"remedy": {"text": "use type ClusterIP, and an Ingress or a Gateway for what must be reached from outside"},
	}
}

_is_allowed(port) if port.nodePort in _allowed

default _allowed := []

_allowed := input.parameters.allowed
