package lockkeeper.stateful_prune_test

import data.lockkeeper.stateful_prune as policy

label := "policy.lockkeeper.dev/protected"

change(operation, kind, name, labels) := {"operation": operation, "object": null, "oldObject": {"kind": kind, "metadata": {"name": name, "labels": labels}}}

set_of(changes) := {"changes": changes, "parameters": {"label": label}}

test_a_protected_object_is_denied if {
	violations := policy.deny with input as set_of([change("UPDATE", "ConfigMap", "a", {}), change("DELETE", "PersistentVolumeClaim", "data", {label: "true"})])
	violations == {{
		"msg": "the sync would delete the PersistentVolumeClaim data, which the label policy.lockkeeper.dev/protected protects",
		"path": "",
		"details": {"objects": [1]},
		"remedy": {"text": "keep the object in Git, or take the label off in a change of its own first"},
	}}
	warnings := policy.warn with input as set_of([change("DELETE", "PersistentVolumeClaim", "data", {label: "true"})])
	warnings == set()
}

test_kinds_that_keep_data_are_a_warning_each if {
	warnings := policy.warn with input as set_of([
		change("DELETE", "PersistentVolumeClaim", "a", {}),
		change("DELETE", "PersistentVolumeClaim", "b", null),
		change("DELETE", "Namespace", "shop", {}),
	])
	{[violation.msg, violation.details.objects] | some violation in warnings} == {
		["the sync would delete 2 of the kind PersistentVolumeClaim: its volume and data may go with it", [0, 1]],
		["the sync would delete 1 of the kind Namespace: everything in it goes with it", [2]],
	}
}

test_every_kind_that_keeps_data[kind] if {
	some kind in ["PersistentVolumeClaim", "PersistentVolume", "StatefulSet", "Namespace", "CustomResourceDefinition"]
	warnings := policy.warn with input as set_of([change("DELETE", kind, "x", {})])
	count(warnings) == 1
}

test_other_kinds_and_operations_are_allowed[name] if {
	some name, each in {
		"a ConfigMap": change("DELETE", "ConfigMap", "x", {}),
		"a claim that changes": change("UPDATE", "PersistentVolumeClaim", "x", {label: "true"}),
		"a claim that is new": {"operation": "CREATE", "object": {"kind": "PersistentVolumeClaim"}, "oldObject": null},
	}
	warnings := policy.warn with input as set_of([each])
	warnings == set()
	violations := policy.deny with input as set_of([each])
	violations == set()
}

test_any_kind_can_be_protected if {
	violations := policy.deny with input as set_of([change("DELETE", "ConfigMap", "x", {label: "true"})])
	count(violations) == 1
}

test_no_changes_are_allowed if {
	warnings := policy.warn with input as set_of([])
	warnings == set()
}
