package lockkeeper.pruned_share_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.pruned_share as policy

parameters := {"denyShare": 0.5, "denyCount": 10, "warnShare": 0.2, "warnCount": 3}

set_of(deletions, updates, creations) := {"changes": changes, "parameters": parameters} if {
	changes := array.concat(
		[{"operation": "DELETE"} | some _ in numbers.range(1, deletions)],
		array.concat(
			[{"operation": "UPDATE"} | some _ in numbers.range(1, updates)],
			[{"operation": "CREATE"} | some _ in numbers.range(1, creations)],
		),
	)
}

test_nearly_everything_deleted_is_denied if {
	violations := policy.deny with input as set_of(11, 1, 1)
	violations == {{
		"msg": "11 of 12 objects that are there would be deleted",
		"path": "",
		"details": {"objects": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]},
		"remedy": {"text": "see that the path and the values are what was meant; delete in smaller steps, or have the change approved"},
	}}
	warnings := policy.warn with input as set_of(11, 1, 1)
	warnings == set()
}

test_shares[name] if {
	some name, [deletions, updates, creations, denied, warned] in {
		"exactly half": [11, 11, 1, 0, 1],
		"more than half, but few": [10, 1, 1, 0, 1],
		"a third": [4, 8, 1, 0, 1],
		"exactly the share": [5, 20, 1, 0, 0],
		"a small number": [3, 1, 1, 0, 0],
		"new objects do not count": [11, 1, 100, 1, 0],
	}
	violations := policy.deny with input as set_of(deletions, updates, creations)
	count(violations) == denied
	warnings := policy.warn with input as set_of(deletions, updates, creations)
	count(warnings) == warned
}

test_a_set_that_only_deletes_is_denied if {
	violations := policy.deny with input as {"changes": [{"operation": "DELETE"} | some _ in numbers.range(1, 11)], "parameters": parameters}
	fixture.messages(violations) == {"11 of 11 objects that are there would be deleted"}
}

test_no_changes_are_allowed if {
	violations := policy.deny with input as {"changes": [], "parameters": parameters}
	violations == set()
	warnings := policy.warn with input as {"changes": [], "parameters": parameters}
	warnings == set()
}

test_only_new_objects_are_allowed if {
	warnings := policy.warn with input as {"changes": [{"operation": "CREATE"} | some _ in numbers.range(1, 20)], "parameters": parameters}
	warnings == set()
}

test_parameters_decide if {
	violations := policy.deny with input as object.union(set_of(4, 8, 1), {"parameters": {"denyShare": 0.3, "denyCount": 2}})
	count(violations) == 1
}
