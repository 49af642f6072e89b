# METADATA
# title: Roles that reach the kubelet
# description: |
#   The proxy subresource of nodes hands requests on to the kubelet, past admission and the audit log: it runs commands in
#   every pod of every node. A role to scrape metrics needs nodes/metrics instead.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.10", "MITRE:T1609", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#access-to-proxy-subresource-of-nodes
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole]
#   parameters: {}
package lockkeeper.rbac_node_proxy

import data.lockkeeper.lib.rbac

deny contains violation if {
	some i, rule in rbac.specific_rules
	_may_write(rule)
	granted := rbac.grant(rule, {"nodes/proxy": ["create", "delete", "get", "patch", "update"]})
	violation := _violation(i, granted)
}

# `get` suffices for a WebSocket to the kubelet's exec, but half of all monitoring asks for it.
warn contains violation if {
	some i, rule in rbac.specific_rules
	not _may_write(rule)
	granted := rbac.grant(rule, {"nodes/proxy": ["get"]})
	violation := _violation(i, granted)
}

_may_write(rule) if rbac.grant(rule, {"nodes/proxy": ["create", "delete", "patch", "update"]})

_violation(i, granted) := {
	"msg": sprintf("rule %d allows %s: the kubelet runs commands in every pod for whoever has the role", [i, rbac.phrase(granted)]),
	"path": rbac.pointer(i),
	"details": granted,
	"remedy": {"text": "use nodes/metrics, nodes/stats, nodes/log or nodes/healthz, whichever is needed, with the verb get"},
}
