package lockkeeper.set_scale_to_zero_test

import data.lockkeeper.lib.changeset_fixture as fixture
import data.lockkeeper.set_scale_to_zero as policy

parameters := {"warnCount": 1, "warnShare": 0.5}

workload(name, replicas) := fixture.named("apps/v1", "Deployment", name, {"replicas": replicas})

other(name, replicas) := fixture.named("example.com/v1", "Deployment", name, {"replicas": replicas})

scaled(from, to) := [fixture.update(workload(name, from), workload(name, to)) | some name in ["a", "b"]]

set_of(changes) := object.union(fixture.set_of(changes), {"parameters": parameters})

test_two_of_two_are_a_warning if {
	violations := policy.warn with input as set_of(array.concat([fixture.keep(fixture.service("a", {}))], scaled(3, 0)))
	violations == {{
		"msg": "2 of 2 workloads that have replicas would have none",
		"path": "",
		"details": {"objects": [1, 2]},
		"remedy": {"text": "see that the values are those of this environment; to stop an application on purpose, scale its workloads in smaller steps"},
	}}
}

test_an_absent_field_is_one_replica if {
	absent := fixture.named("apps/v1", "StatefulSet", "a", {})
	none := fixture.named("apps/v1", "StatefulSet", "a", {"replicas": 0})
	changes := [fixture.update(absent, none), fixture.update(absent, none)]
	violations := policy.warn with input as set_of(changes)
	count(violations) == 1
}

test_every_kind[name] if {
	some name, [api_version, kind] in {
		"ReplicaSet": ["apps/v1", "ReplicaSet"],
		"ReplicationController": ["v1", "ReplicationController"],
		"Rollout": ["argoproj.io/v1alpha1", "Rollout"],
	}
	old := fixture.named(api_version, kind, "a", {"replicas": 2})
	new := fixture.named(api_version, kind, "a", {"replicas": 0})
	violations := policy.warn with input as set_of([fixture.update(old, new), fixture.update(old, new)])
	count(violations) == 1
}

test_allowed[name] if {
	some name, changes in {
		"one workload": [fixture.update(workload("a", 3), workload("a", 0))],
		"half of them": array.concat(scaled(3, 0), scaled(3, 2)),
		"they had none": scaled(0, 0),
		"they are new": [fixture.create(workload("a", 0)), fixture.create(workload("b", 0))],
		"they go": [fixture.delete(workload("a", 2)), fixture.delete(workload("b", 2))],
		"fewer replicas": scaled(3, 1),
		"another kind": [fixture.update(other(name, 2), other(name, 0)) | some name in ["a", "b"]],
	}
	violations := policy.warn with input as set_of(changes)
	violations == set()
}

test_parameters_decide if {
	changes := [fixture.update(workload("a", 3), workload("a", 0))]
	violations := policy.warn with input as object.union(fixture.set_of(changes), {"parameters": {"warnCount": 0, "warnShare": 0.1}})
	count(violations) == 1
}
