# METADATA
# title: Roles that create PersistentVolumes
# description: |
#   A PersistentVolume may be a directory of the node, and no Pod Security level looks at it: who may create one reads and
#   writes the files of every node from an ordinary pod.
# custom:
#   severity: medium
#   controls: ["CIS:5.1.9", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#persistent-volume-creation
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole]
#   parameters: {}
package lockkeeper.rbac_persistent_volumes

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, {"persistentvolumes": ["create"]})
	violation := {
		"msg": sprintf("rule %d allows %s: one of type hostPath shows the files of the node to a pod", [i, rbac.phrase(granted)]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "let a storage class provision the volumes, and give teams persistentvolumeclaims alone"},
	}
}
