package lockkeeper.windows_host_process_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.windows_host_process as policy

test_a_HostProcess_pod_is_denied if {
	violations := policy.deny with input as fixture.pod({
		"hostNetwork": true,
		"securityContext": {"windowsOptions": {"hostProcess": true}},
		"containers": [{"name": "agent"}],
	})
	violations == {{
		"msg": "the pod is a HostProcess container: it runs on the Windows node itself",
		"path": "/spec/securityContext/windowsOptions/hostProcess",
		"details": {"container": ""},
		"remedy": {"text": "set hostProcess to false in the pod and in all its containers, and remove hostNetwork"},
	}}
}

test_every_list_of_containers_is_looked_at if {
	own := {"name": "agent", "securityContext": {"windowsOptions": {"hostProcess": true}}}
	violations := policy.deny with input as fixture.pod({
		"containers": [{"name": "web"}, own],
		"initContainers": [own],
		"ephemeralContainers": [own],
	})
	fixture.paths(violations) == {
		"/spec/containers/1/securityContext/windowsOptions/hostProcess",
		"/spec/initContainers/0/securityContext/windowsOptions/hostProcess",
		"/spec/ephemeralContainers/0/securityContext/windowsOptions/hostProcess",
	}
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"false": {"windowsOptions": {"hostProcess": false}},
		"null": {"windowsOptions": {"hostProcess": null}},
		"absent": {"windowsOptions": {"runAsUserName": "ContainerUser"}},
		"no windowsOptions": {},
		"no securityContext": null,
		"a string, which the API server refuses": {"windowsOptions": {"hostProcess": "true"}},
	}
	violations := policy.deny with input as fixture.pod({
		"securityContext": security_context,
		"containers": [{"name": "web", "securityContext": security_context}],
	})
	violations == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"securityContext": {"windowsOptions": {"hostProcess": true}}})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/securityContext/windowsOptions/hostProcess"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"securityContext": {"windowsOptions": {"hostProcess": true}}})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/securityContext/windowsOptions/hostProcess"])}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container({"securityContext": {"windowsOptions": {"hostProcess": true}}})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
