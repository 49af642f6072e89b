# METADATA
# title: Syncs that delete most of what is there
# description: |
#   A wrong path, a renamed value or an empty render makes a sync delete nearly everything it once applied. So large a
#   share of deletions is rarely meant, and cannot be undone by the next commit where data went with it.
# custom:
#   severity: high
#   scope: changeset
#   controls: ["MITRE:T1485"]
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # The share of the objects there are that may be deleted, from 0 to 1, and how many deletions are always fine.
#     denyShare: 0.5
#     denyCount: 10
#     warnShare: 0.2
#     warnCount: 3
package lockkeeper.pruned_share

deny contains _violation if {
	_is_far_above
}

warn contains _violation if {
	not _is_far_above
	_is_above(input.parameters.warnShare, input.parameters.warnCount)
}

_is_far_above if _is_above(input.parameters.denyShare, input.parameters.denyCount)

_is_above(share, number) if {
	count(_deleted) > number
	count(_deleted) > share * (count(_deleted) + count(_updated))
}

_violation := {
	"msg": sprintf("%d of %d objects that are there would be deleted", [count(_deleted), count(_deleted) + count(_updated)]),
	"path": "",
	"details": {"objects": _deleted},
	"remedy": {"text": "see that the path and the values are what was meant; delete in smaller steps, or have the change approved"},
}

_deleted := [i | some i, change in input.changes; change.operation == "DELETE"]

_updated := [i | some i, change in input.changes; change.operation == "UPDATE"]
