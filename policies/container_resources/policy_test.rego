package lockkeeper.container_resources_test

import data.lockkeeper.container_resources as policy
import data.lockkeeper.lib.fixture

missing(members) := {name | some violation in warned(members); some name in violation.details.missing}

warned(members) := violations if {
	violations := policy.warn with input as fixture.container(members)
}

test_a_container_without_resources_is_a_warning if {
	warned({}) == {{
		"msg": `container "web" does not name requests.cpu, requests.memory, limits.memory`,
		"path": "/spec/containers/0",
		"details": {"container": "web", "missing": ["requests.cpu", "requests.memory", "limits.memory"]},
		"remedy": {"text": "measure what the container takes, and name requests.cpu, requests.memory, limits.memory in resources"},
	}}
}

test_this_is_missing[name] if {
	some name, [resources, wanted] in {
		"nothing": [{"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}, set()],
		"a limit is a request too": [{"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}}, set()],
		"limits only": [{"limits": {"cpu": 1, "memory": "64Mi"}}, set()],
		"the limit": [{"requests": {"cpu": "100m", "memory": "64Mi"}}, {"limits.memory"}],
		"the processors": [{"limits": {"memory": "64Mi"}}, {"requests.cpu"}],
		"a small request": [{"requests": {"cpu": "0.05", "memory": "64Mi"}, "limits": {"memory": 67108864}}, set()],
		"zero in another spelling": [{"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "0Mi"}}, {"limits.memory"}],
		"a limit of zero": [{"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "0"}}, {"limits.memory"}],
		"processors of null, which the API server reads as zero": [{"limits": {"cpu": null, "memory": "64Mi"}}, {"requests.cpu"}],
		"all of null": [null, {"requests.cpu", "requests.memory", "limits.memory"}],
		"all of a list": [[], {"requests.cpu", "requests.memory", "limits.memory"}],
	}
	missing({"resources": resources}) == wanted
}

test_the_resources_of_the_whole_pod_count if {
	violations := policy.warn with input as fixture.pod({
		"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
		"containers": [{"name": "web"}, {"name": "proxy"}],
	})
	violations == set()
}

test_sidecars_count_and_other_init_containers_do_not if {
	violations := policy.warn with input as fixture.pod({
		"initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
		"ephemeralContainers": [{"name": "debugger"}],
	})
	fixture.messages(violations) == {`init container "proxy" does not name requests.cpu, requests.memory, limits.memory`}
}

test_parameters_choose_what_is_required if {
	object := fixture.with_parameters(fixture.container({"resources": {"limits": {"memory": "1Gi"}}}), {"required": ["limits.cpu", "limits.memory"]})
	violations := policy.warn with input as object
	{violation.details.missing | some violation in violations} == {["limits.cpu"]}
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"containers": [{}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [{}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0"])}
}
