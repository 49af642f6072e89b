package lockkeeper.disruption_budgets_test

import data.lockkeeper.disruption_budgets as policy
import data.lockkeeper.lib.fixture

budget(spec) := fixture.create({
	"apiVersion": "policy/v1",
	"kind": "PodDisruptionBudget",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": spec,
})

warned(spec) := violations if {
	violations := policy.warn with input as budget(spec)
}

related(spec, objects) := json.patch(budget(object.union({"selector": {"matchLabels": {"app": "web"}}}, spec)), [
	{"op": "add", "path": "/related", "value": {"objects": objects}},
	{"op": "add", "path": "/review/namespace", "value": "shop"},
])

deployment(spec) := {
	"kind": "Deployment",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": object.union({"template": {"metadata": {"labels": {"app": "web", "tier": "front"}}}}, spec),
}

test_no_unavailable_pod_is_a_warning if {
	warned({"maxUnavailable": 0}) == {{
		"msg": "this PodDisruptionBudget allows no pod to be evicted: maxUnavailable is 0",
		"path": "/spec/maxUnavailable",
		"details": {"field": "maxUnavailable"},
		"remedy": {"text": "allow one pod to go: maxUnavailable: 1 with two replicas or more"},
	}}
}

test_these_block_everything[name] if {
	some name, spec in {
		"0 %": {"maxUnavailable": "0%"},
		"0 as a text": {"maxUnavailable": "0"},
		"all pods": {"minAvailable": "100%"},
	}
	count(warned(spec)) == 1
}

test_these_are_allowed[name] if {
	some name, spec in {
		"one": {"maxUnavailable": 1},
		"a share": {"maxUnavailable": "25%"},
		"nearly all": {"minAvailable": "99%"},
		"a number that nothing is known about": {"minAvailable": 1},
		"neither": {},
		"null": {"maxUnavailable": null, "minAvailable": null},
	}
	warned(spec) == set()
}

test_as_many_as_there_are_replicas_block_everything if {
	violations := policy.warn with input as related({"minAvailable": 2}, [deployment({"replicas": 2})])
	fixture.messages(violations) == {"this PodDisruptionBudget allows no pod to be evicted: minAvailable is 2, and the Deployment web has replicas: 2"}
	fixture.paths(violations) == {"/spec/minAvailable"}
}

test_an_absent_number_of_replicas_is_one if {
	violations := policy.warn with input as related({"minAvailable": 1}, [deployment({})])
	count(violations) == 1
}

test_these_neighbours_change_nothing[name] if {
	some name, objects in {
		"more replicas": [deployment({"replicas": 3})],
		"no replicas": [deployment({"replicas": 0})],
		"another namespace": [object.union(deployment({"replicas": 2}), {"metadata": {"namespace": "other"}})],
		"other labels": [object.union(deployment({"replicas": 2}), {"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}})],
		"two workloads": [deployment({"replicas": 2}), object.union(deployment({"replicas": 2}), {"metadata": {"name": "web2"}})],
		"an autoscaler": [deployment({"replicas": 2}), {
			"kind": "HorizontalPodAutoscaler",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5},
		}],
		"none": [],
	}
	violations := policy.warn with input as related({"minAvailable": 2}, objects)
	violations == set()
}
