# METADATA
# title: Selectors that pick something else
# description: |
#   A label that changes here and a selector that changes there leave a Service without pods, or with those of another
#   program, and a disruption budget or a NetworkPolicy that guards nothing. Each object looks right by itself.
# custom:
#   severity: medium
#   scope: changeset
#   controls: []
#   docs: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters: {}
package lockkeeper.selector_moved

import data.lockkeeper.lib.changeset

# It picks none of those it picked: none at all, or others while one of them is still there.
warn contains violation if {
	some i, update in changeset.updates
	harm := _harm[update.new.kind]
	had := changeset.selected_before(update.old)
	count(had) > 0
	has := changeset.selected_after(update.new)
	count(had & has) == 0
	_is_moved(had, has)
	violation := {
		"msg": sprintf("%s selected %s, and selects %s with this change: %s", [changeset.label(update.new), _listed(had), _listed(has), harm]),
		"path": "",
		"details": {"objects": _objects(i, had | has), "selected": sort(has)},
		"remedy": {"text": "change the labels of the pods and the selectors of what is meant for them together"},
	}
}

_is_moved(_, has) if count(has) == 0

_is_moved(had, _) if {
	some name in had
	changeset.workloads_after[name]
}

_objects(i, names) := array.concat([i], [j | some j in changeset.indices(names); j != i])

_listed(names) := "no workload of the change" if count(names) == 0

_listed(names) := concat(", ", array.slice(sort(names), 0, 5)) if count(names) > 0

_harm := {
	"NetworkPolicy": "its rules are for other pods, or for none",
	"PodDisruptionBudget": "a drain may take all pods that it was for at once",
	"Service": "its traffic goes elsewhere, or nowhere",
}
