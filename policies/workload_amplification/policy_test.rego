package lockkeeper.workload_amplification_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.workload_amplification as policy

deployment(replicas, resources) := fixture.create({
	"apiVersion": "apps/v1",
	"kind": "Deployment",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "resources": resources}, {"name": "proxy"}]}}},
})

job(spec) := fixture.create({
	"apiVersion": "batch/v1",
	"kind": "Job",
	"metadata": {"name": "report", "namespace": "shop"},
	"spec": object.union({"template": {"spec": {"containers": [{"name": "report"}]}}}, spec),
})

autoscaler(maximum) := fixture.create({
	"apiVersion": "autoscaling/v2",
	"kind": "HorizontalPodAutoscaler",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": maximum},
})

warned(object) := violations if {
	violations := policy.warn with input as object
}

test_too_many_replicas_are_a_warning if {
	warned(deployment(101, {})) == {{
		"msg": "replicas asks for up to 101 pods, more than 100",
		"path": "/spec/replicas",
		"details": {"field": "replicas", "pods": 101},
		"remedy": {"text": "lower replicas, or have the budget of this policy raised for the namespace"},
	}}
	warned(deployment(100, {})) == set()
}

test_replicas_times_requests_are_a_warning if {
	warned(deployment(50, {"requests": {"cpu": "8", "memory": "1Gi"}})) == {{
		"msg": "replicas: 50 pods ask for 400 of cpu in all, more than 256",
		"path": "/spec/replicas",
		"details": {"field": "replicas", "pods": 50, "resource": "cpu"},
		"remedy": {"text": "lower replicas or the requests, or have the budget of this policy raised"},
	}}
}

test_memory_counts_and_is_shown_in_gibibytes if {
	fixture.messages(warned(deployment(20, {"requests": {"memory": "64Gi"}}))) == {"replicas: 20 pods ask for 1280Gi of memory in all, more than 1Ti"}
}

test_a_limit_is_a_request_where_there_is_none if {
	count(warned(deployment(100, {"limits": {"cpu": "16"}}))) == 1
	warned(deployment(100, {"limits": {"cpu": "16"}, "requests": {"cpu": "100m"}})) == set()
}

test_exactly_the_budget_is_allowed if {
	warned(deployment(32, {"requests": {"cpu": "8", "memory": "32Gi"}})) == set()
}

test_parallelism_counts[name] if {
	some name, [spec, violations] in {
		"many": [{"parallelism": 500, "completions": 1000}, 1],
		"few are left": [{"parallelism": 500, "completions": 3}, 0],
		"no completions": [{"parallelism": 500}, 1],
		"absent": [{}, 0],
		"null": [{"parallelism": null}, 0],
	}
	count(warned(job(spec))) == violations
}

test_the_parallelism_of_a_cron_job_has_its_own_place if {
	object := fixture.create({
		"apiVersion": "batch/v1",
		"kind": "CronJob",
		"metadata": {"name": "report", "namespace": "shop"},
		"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"parallelism": 500, "template": {"spec": {"containers": []}}}}},
	})
	fixture.paths(warned(object)) == {"/spec/jobTemplate/spec/parallelism"}
}

test_the_maximum_of_an_autoscaler_counts if {
	fixture.messages(warned(autoscaler(1000))) == {"maxReplicas asks for up to 1000 pods, more than 100"}
	warned(autoscaler(10)) == set()
}

test_the_target_of_an_autoscaler_counts_where_it_is_known if {
	target := {
		"kind": "Deployment",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"template": {"spec": {"containers": [{"resources": {"requests": {"cpu": "4"}}}]}}},
	}
	object := json.patch(autoscaler(80), [
		{"op": "add", "path": "/related", "value": {"objects": [target]}},
		{"op": "add", "path": "/review/namespace", "value": "shop"},
	])
	fixture.messages(warned(object)) == {"maxReplicas: 80 pods ask for 320 of cpu in all, more than 256"}
}

test_a_scale_counts if {
	object := {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 5000}}
	fixture.paths(warned(fixture.update(object, object))) == {"/spec/replicas"}
}

# No node could take it: the scheduler says so.
test_a_single_pod_multiplies_nothing if {
	warned(fixture.container({"resources": {"requests": {"cpu": "1000"}}})) == set()
}

test_parameters_move_the_budget if {
	object := fixture.with_parameters(deployment(3, {"requests": {"cpu": "1", "memory": "1Gi"}}), {"maxPods": 2, "maxCpu": 2, "maxMemory": "2Gi"})
	count(warned(object)) == 3
}

test_what_is_no_quantity_is_not_counted[name] if {
	some name, cpu in {"a word": "many", "null": null, "a list": ["8"]}
	warned(deployment(100, {"requests": {"cpu": cpu}})) == set()
}
