# METADATA
# title: Network policies opened by a change
# description: |
#   Pods that no NetworkPolicy selects take connections from everybody. Where a change takes the last one away, or lets
#   everybody in, what was behind it is open at once, and nothing breaks that would tell.
# custom:
#   severity: high
#   scope: changeset
#   controls: ["CIS:5.3.2", "NIST:SP800-190:4.3.3", "NIST:SP800-53:SC-7(5)"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/network-policies/
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters: {}
package lockkeeper.network_opened

import data.lockkeeper.lib.changeset

# Workloads that a policy of before isolated, that are still there, and that none isolates after the change.
warn contains violation if {
	some direction in _directions
	some i, policy in changeset.before
	_judges(policy, direction)
	open := {name |
		some name in changeset.selected_before(policy)
		changeset.workloads_after[name]
		not name in _isolated_after[direction]
	}
	count(open) > 0
	violation := _violation(
		sprintf("without %s no NetworkPolicy of the change restricts the %s of %s any more", [changeset.label(policy), lower(direction), concat(", ", sort(open))]),
		direction,
		i,
	)
}

# A policy that named its peers and takes everybody.
warn contains violation if {
	some direction in _directions
	some i, update in changeset.updates
	_judges(update.old, direction)
	_judges(update.new, direction)
	old := update.old
	not _takes_everybody(old, direction)
	_takes_everybody(update.new, direction)
	count(changeset.selected_after(update.new)) > 0
	violation := _violation(
		sprintf("%s named its peers for %s, and takes everybody with this change", [changeset.label(update.new), lower(direction)]),
		direction,
		i,
	)
}

_violation(message, direction, i) := {
	"msg": message,
	"path": "",
	"details": {"objects": [i], "policyType": direction},
	"remedy": {"text": "keep a NetworkPolicy that selects the pods and names who may connect"},
}

_directions := ["Egress", "Ingress"]

_rules := {"Egress": "egress", "Ingress": "ingress"}

_isolated_after[direction] := {name |
	some policy in changeset.after
	_judges(policy, direction)
	some name in changeset.selected_after(policy)
} if {
	some direction in _directions
}

_is_policy(policy) if {
	policy.kind == "NetworkPolicy"
	changeset.group(policy) in {"extensions", "networking.k8s.io"}
}

# Without policyTypes a policy is for ingress, and for egress where it has rules for it.
_judges(policy, "Ingress") if {
	_is_policy(policy)
	object.get(policy, ["spec", "policyTypes"], []) in [[], null]
}

_judges(policy, "Egress") if {
	_is_policy(policy)
	object.get(policy, ["spec", "policyTypes"], []) in [[], null]
	count(policy.spec.egress) > 0
}

_judges(policy, direction) if {
	_is_policy(policy)
	direction in policy.spec.policyTypes
}

_takes_everybody(policy, direction) if {
	some rule in policy.spec[_rules[direction]]
	_is_for_everybody(rule, _peers[direction])
}

_peers := {"Egress": "to", "Ingress": "from"}

_is_for_everybody(rule, peers) if object.get(rule, peers, []) in [[], null]

_is_for_everybody(rule, peers) if {
	some peer in rule[peers]
	peer.ipBlock.cidr in {"0.0.0.0/0", "::/0"}
	object.get(peer.ipBlock, "except", []) in [[], null]
}

# All pods of all namespaces.
_is_for_everybody(rule, peers) if {
	some peer in rule[peers]
	_is_empty(peer.namespaceSelector)
	_is_empty(object.get(peer, "podSelector", {}))
}

_is_empty(selector) if {
	object.get(selector, "matchLabels", {}) in [{}, null]
	object.get(selector, "matchExpressions", []) in [[], null]
}
