# METADATA
# title: Syncs that delete data
# description: |
#   What Git no longer names is pruned. For a claim, a volume, a database's StatefulSet, a Namespace or a
#   CustomResourceDefinition that is the loss of data which no commit brings back.
# custom:
#   severity: high
#   scope: changeset
#   controls: ["MITRE:T1485"]
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # An object with this label is not pruned.
#     label: policy.lockkeeper.dev/protected
package lockkeeper.stateful_prune

import data.lockkeeper.lib.workload

deny contains violation if {
	some i, object in _pruned
	object.metadata.labels[input.parameters.label] == "true"
	violation := {
		"msg": sprintf("the sync would delete the %s %s, which the label %s protects", [object.kind, workload.name(object.metadata), input.parameters.label]),
		"path": "",
		"details": {"objects": [i]},
		"remedy": {"text": "keep the object in Git, or take the label off in a change of its own first"},
	}
}

warn contains violation if {
	some kind, harm in _kinds
	found := [i | some i, object in _pruned; object.kind == kind; not object.metadata.labels[input.parameters.label] == "true"]
	count(found) > 0
	violation := {
		"msg": sprintf("the sync would delete %d of the kind %s: %s", [count(found), kind, harm]),
		"path": "",
		"details": {"objects": found},
		"remedy": {"text": "keep what holds data out of pruning (argocd.argoproj.io/sync-options: Prune=false, kustomize.toolkit.fluxcd.io/prune: disabled), and delete it by hand after a backup"},
	}
}

_pruned[i] := change.oldObject if {
	some i, change in input.changes
	change.operation == "DELETE"
	is_object(change.oldObject)
}

_kinds := {
	"PersistentVolumeClaim": "its volume and data may go with it",
	"PersistentVolume": "its data may go with it",
	"StatefulSet": "what it runs keeps data, and its claims may go with it",
	"Namespace": "everything in it goes with it",
	"CustomResourceDefinition": "every object of its kind goes with it, in every namespace",
}
