package lockkeeper.host_namespaces_test

import data.lockkeeper.host_namespaces as policy
import data.lockkeeper.lib.fixture

test_hostPID_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.pod({"hostPID": true, "containers": []})
	violations == {{
		"msg": "hostPID is true: the pod sees and can signal every process of the node, and reads their environment",
		"path": "/spec/hostPID",
		"details": {"field": "hostPID"},
		"remedy": {"text": "remove hostPID", "patch": [{"op": "remove", "path": "/spec/hostPID"}]},
	}}
}

test_each_namespace_is_a_violation_of_its_own if {
	violations := policy.deny with input as fixture.pod({"hostNetwork": true, "hostPID": true, "hostIPC": true})
	fixture.paths(violations) == {"/spec/hostNetwork", "/spec/hostPID", "/spec/hostIPC"}
}

test_this_is_allowed[name] if {
	some name, spec in {
		"all are absent": {"containers": []},
		"all are false": {"hostNetwork": false, "hostPID": false, "hostIPC": false},
		"all are null": {"hostNetwork": null, "hostPID": null, "hostIPC": null},
		"a string, which the API server refuses": {"hostNetwork": "true"},
		"processes are shared inside the pod": {"shareProcessNamespace": true},
		"a user namespace of its own": {"hostUsers": false},
	}
	violations := policy.deny with input as fixture.pod(spec)
	violations == set()
}

test_the_field_of_a_container_means_nothing if {
	violations := policy.deny with input as fixture.container({"hostNetwork": true})
	violations == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"hostNetwork": true})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/hostNetwork"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"hostIPC": true})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/hostIPC"])}
}

test_a_deleted_pod_is_not_judged if {
	violations := policy.deny with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Pod",
		"metadata": {"name": "web"},
		"spec": {"hostPID": true},
	})
	violations == set()
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.pod({"hostPID": true})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
