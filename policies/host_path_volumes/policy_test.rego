package lockkeeper.host_path_volumes_test

import data.lockkeeper.host_path_volumes as policy
import data.lockkeeper.lib.fixture

test_a_hostPath_volume_is_denied if {
	violations := policy.deny with input as fixture.pod({"volumes": [
		{"name": "cache", "emptyDir": {}},
		{"name": "docker", "hostPath": {"path": "/var/run/docker.sock", "type": "Socket"}},
	]})
	violations == {{
		"msg": concat("", [
			`volume "docker" mounts /var/run/docker.sock of the node: `,
			"what is in it can be read and, unless mounted read-only, changed",
		]),
		"path": "/spec/volumes/1/hostPath",
		"details": {"volume": "docker", "hostPath": "/var/run/docker.sock"},
		"remedy": {"text": "use a persistentVolumeClaim, emptyDir, configMap or secret volume instead"},
	}}
}

test_each_volume_is_a_violation_of_its_own if {
	violations := policy.deny with input as fixture.pod({"volumes": [
		{"name": "etc", "hostPath": {"path": "/etc"}},
		{"name": "logs", "hostPath": {"path": "/var/log"}},
	]})
	fixture.paths(violations) == {"/spec/volumes/0/hostPath", "/spec/volumes/1/hostPath"}
}

test_a_hostPath_without_a_path_is_denied[name] if {
	some name, source in {"empty": {}, "a string": "/etc", "a path that is a number": {"path": 1}}
	violations := policy.deny with input as fixture.pod({"volumes": [{"hostPath": source}]})
	fixture.paths(violations) == {"/spec/volumes/0/hostPath"}
}

test_this_is_allowed[name] if {
	some name, volumes in {
		"none": [],
		"hostPath is null": [{"name": "data", "hostPath": null, "emptyDir": {}}],
		"other volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "c", "configMap": {"name": "c"}}],
		"a volume that is called hostPath": [{"name": "hostPath", "emptyDir": {}}],
		"no list": {"data": {"hostPath": {"path": "/etc"}}},
		"null members": [null, "hostPath"],
	}
	violations := policy.deny with input as fixture.pod({"volumes": volumes})
	violations == set()
}

test_a_persistent_volume_is_no_workload if {
	violations := policy.deny with input as fixture.create({
		"apiVersion": "v1",
		"kind": "PersistentVolume",
		"metadata": {"name": "data"},
		"spec": {"hostPath": {"path": "/data"}, "volumes": [{"hostPath": {"path": "/data"}}]},
	})
	violations == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"volumes": [{"hostPath": {"path": "/"}}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/volumes/0/hostPath"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"volumes": [{"hostPath": {"path": "/"}}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/volumes/0/hostPath"])}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.pod({"volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}]})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
