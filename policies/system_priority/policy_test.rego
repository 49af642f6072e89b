package lockkeeper.system_priority_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.system_priority as policy

class(members) := fixture.create(object.union(
	{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "first"}, "value": 1000},
	members,
))

warned(object) := violations if {
	violations := policy.warn with input as object
}

test_a_system_class_elsewhere_is_a_warning if {
	warned(fixture.pod({"priorityClassName": "system-cluster-critical"})) == {{
		"msg": "the pods have the priority class system-cluster-critical: every other pod makes way for them",
		"path": "/spec/priorityClassName",
		"details": {"priorityClassName": "system-cluster-critical"},
		"remedy": {"text": "make a PriorityClass for what has to go first here, below those of the system"},
	}}
}

test_a_system_class_in_a_namespace_of_the_system_is_allowed if {
	object := json.patch(fixture.pod({"priorityClassName": "system-node-critical"}), [
		{"op": "replace", "path": "/review/object/metadata/namespace", "value": "kube-system"},
	])
	warned(object) == set()
}

test_parameters_name_system_namespaces[pattern] if {
	some pattern, violations in {"shop": 0, "sh*": 0, "shop-*": 1, "kube-system": 1}
	object := fixture.with_parameters(fixture.pod({"priorityClassName": "system-node-critical"}), {"systemNamespaces": [pattern]})
	count(warned(object)) == violations
}

test_these_classes_of_pods_are_allowed[name] if {
	some name, spec in {
		"another class": {"priorityClassName": "shop-critical"},
		"none": {},
		"empty": {"priorityClassName": ""},
		"null": {"priorityClassName": null},
	}
	warned(fixture.pod(spec)) == set()
}

test_a_very_high_value_is_a_warning if {
	warned(class({"value": 900000000})) == {{
		"msg": "this PriorityClass has the value 900000000, above 100000000: its pods push nearly all others away",
		"path": "/value",
		"details": {"value": 900000000},
		"remedy": {"text": "choose a value that is in proportion to the cluster's other classes"},
	}}
}

test_a_default_that_preempts_is_a_warning if {
	warned(class({"globalDefault": true})) == {{
		"msg": "this PriorityClass is for every pod that names none, and lets them push others off their nodes",
		"path": "/globalDefault",
		"details": {"value": 1000},
		"remedy": {"text": "set preemptionPolicy to Never, or take globalDefault away and name the class where it is needed"},
	}}
}

test_these_classes_are_allowed[name] if {
	some name, members in {
		"a low value": {},
		"at the limit": {"value": 100000000},
		"a default that does not preempt": {"globalDefault": true, "preemptionPolicy": "Never"},
		"a default of zero": {"globalDefault": true, "value": 0},
		"a negative default": {"globalDefault": true, "value": -10},
		"not the default": {"globalDefault": false},
		"the system's own": {"metadata": {"name": "system-cluster-critical"}, "value": 2000000000},
	}
	warned(class(members)) == set()
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"priorityClassName": "system-node-critical"})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/priorityClassName"])}
}
