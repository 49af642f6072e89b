package lockkeeper.node_takeover_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.node_takeover as policy

privileged := {"name": "web", "securityContext": {"privileged": true}}

mounting(path) := fixture.pod({"volumes": [{"name": "host", "hostPath": {"path": path}}]})

test_a_privileged_container_among_the_processes_of_the_node_is_denied if {
	violations := policy.deny with input as fixture.pod({"hostPID": true, "containers": [privileged, {"name": "log"}]})
	violations == {{
		"msg": `container "web" is privileged and sees the node's processes: it can enter them and be the node's root`,
		"path": "/spec/containers/0/securityContext/privileged",
		"details": {"container": "web"},
		"remedy": {"text": "remove hostPID and privileged"},
	}}
}

test_the_root_of_the_node_is_denied if {
	violations := policy.deny with input as mounting("/")
	violations == {{
		"msg": `volume "host" mounts / of the node: whoever reads or writes it can become the node's root`,
		"path": "/spec/volumes/0/hostPath/path",
		"details": {"volume": "host", "hostPath": "/"},
		"remedy": {"text": "mount the one file or directory that is needed, or none"},
	}}
}

test_another_spelling_is_denied[path] if {
	some path in ["/etc", "/etc/", "//etc", "/./etc/.", "///", "/.", ""]
	violations := policy.deny with input as mounting(path)
	count(violations) == 1
}

test_this_is_allowed[name] if {
	some name, spec in {
		"privileged alone": {"containers": [privileged]},
		"hostPID alone": {"hostPID": true, "containers": [{"name": "web"}]},
		"hostPID false": {"hostPID": false, "containers": [privileged]},
		"one file below": {"volumes": [{"name": "tz", "hostPath": {"path": "/etc/localtime"}}]},
		"another directory": {"volumes": [{"name": "logs", "hostPath": {"path": "/var/log"}}]},
		"a similar name": {"volumes": [{"name": "x", "hostPath": {"path": "/etcetera"}}]},
		"no hostPath": {"volumes": [{"name": "x", "emptyDir": {}}]},
		"a path that is no text": {"volumes": [{"name": "x", "hostPath": {"path": 1}}]},
	}
	violations := policy.deny with input as fixture.pod(spec)
	violations == set()
}

test_parameters_name_other_paths if {
	violations := policy.deny with input as fixture.with_parameters(mounting("/srv"), {"paths": ["/srv"]})
	count(violations) == 1
	others := policy.deny with input as fixture.with_parameters(mounting("/etc"), {"paths": ["/srv"]})
	others == set()
}

test_agents_of_nodes_are_left_out if {
	spec := {"hostPID": true, "containers": [privileged], "volumes": [{"name": "host", "hostPath": {"path": "/"}}]}
	violations := policy.deny with input as fixture.create({
		"apiVersion": "apps/v1",
		"kind": "DaemonSet",
		"metadata": {"name": "agent"},
		"spec": {"template": {"spec": spec}},
	})
	violations == set()
}

owned_by(kind, is_controller) := fixture.create({
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "x", "ownerReferences": [{"kind": kind, "name": "x", "controller": is_controller}]},
	"spec": {"hostPID": true, "containers": [privileged]},
})

test_the_owner_of_a_pod_tells_whether_it_is_an_agent[name] if {
	some name, [kind, is_controller, expected] in {
		"a DaemonSet": ["DaemonSet", true, 0],
		"a static Pod": ["Node", true, 0],
		"a ReplicaSet": ["ReplicaSet", true, 1],
		"a DaemonSet that does not control it": ["DaemonSet", false, 1],
	}
	violations := policy.deny with input as owned_by(kind, is_controller)
	count(violations) == expected
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"volumes": [{"name": "host", "hostPath": {"path": "/root"}}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/volumes/0/hostPath/path"}
}

test_the_level_of_the_namespace_decides if {
	bad := mounting("/")
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
