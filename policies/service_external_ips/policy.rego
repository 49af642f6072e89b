# METADATA
# title: External addresses of Services
# description: |
#   Every node sends traffic for a Service's `externalIPs` to its pods, whoever owns the address: one Service in any
#   namespace takes over DNS, the metadata service or a payment provider for the whole cluster (CVE-2020-8554).
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:SC-7"]
#   # What is open already stays writable, so that an upgrade of its labels does not fail; what is opened is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/#external-ips
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Service]
#   parameters:
#     # Addresses that the nodes' network really leads to the cluster.
#     allowed: []
package lockkeeper.service_external_ips

deny contains violation if {
	addresses := input.review.object.spec.externalIPs
	is_array(addresses)
	some i, address in addresses
	not address in _allowed
	violation := {
		"msg": sprintf("every node sends traffic for %v to this Service, whoever owns that address", [address]),
		"path": concat("", ["/spec/externalIPs/", format_int(i, 10)]),
		"details": {"externalIP": address},
		"remedy": _remedy(addresses),
	}
}

_remedy(addresses) := {
	"text": "remove externalIPs, and use type LoadBalancer where the Service must be reached from outside",
	"patch": [{"op": "remove", "path": "/spec/externalIPs"}],
} if {
	not _has_allowed(addresses)
}

_remedy(addresses) := {"text": "remove the addresses that do not belong to the cluster"} if _has_allowed(addresses)

_has_allowed(addresses) if {
	some address in addresses
	address in _allowed
}

default _allowed := []

_allowed := input.parameters.allowed
