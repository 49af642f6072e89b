# METADATA
# title: Egress to everywhere
# description: |
#   A NetworkPolicy that lets pods connect to every address on every port lets an intruder fetch tools, reach the cloud's
#   metadata service and send out what was found; the policy looks like protection and is none.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-190:4.4.2", "NIST:SP800-53:SC-7(5)"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/network-policies/#allow-all-egress-traffic
#   match:
#     kinds:
#       - apiGroups: [networking.k8s.io]
#         kinds: [NetworkPolicy]
#   parameters: {}
package lockkeeper.open_egress

warn contains violation if {
	spec := input.review.object.spec
	_judges_egress(spec)
	is_array(spec.egress)
	some i, rule in spec.egress
	_has_every_port(rule)
	target := _everywhere(rule)
	violation := {
		"msg": sprintf("egress rule %d lets the pods connect to %s on every port", [i, target]),
		"path": concat("", ["/spec/egress/", format_int(i, 10)]),
		"details": {"target": target},
		"remedy": {"text": "name the peers and ports that are needed; for the internet a port, and the own networks in except"},
	}
}

# Without policyTypes a policy with egress rules is one for egress.
_judges_egress(spec) if object.get(spec, "policyTypes", []) in [[], null]

_judges_egress(spec) if "Egress" in spec.policyTypes

_everywhere(rule) := "every pod and every address" if object.get(rule, "to", []) in [[], null]

_everywhere(rule) := block if {
	block := [cidr |
		some peer in rule.to
		cidr := peer.ipBlock.cidr
		strings.any_suffix_match(cidr, ["/0", "/1"])
		object.get(peer.ipBlock, "except", []) in [[], null]
	][0]
}

_has_every_port(rule) if object.get(rule, "ports", []) in [[], null]

_has_every_port(rule) if {
	some port in rule.ports
	object.get(port, "port", null) == null
	object.get(port, "protocol", "TCP") in {"TCP", null}
}

_has_every_port(rule) if {
	some port in rule.ports
	port.port <= 1
	port.endPort >= 65535
}
