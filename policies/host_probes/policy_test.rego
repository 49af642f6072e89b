package lockkeeper.host_probes_test

import data.lockkeeper.host_probes as policy
import data.lockkeeper.lib.fixture

test_a_probe_of_another_host_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.container({"livenessProbe": {"httpGet": {
		"host": "169.254.169.254",
		"port": 80,
	}}})
	violations == {{
		"msg": `container "web": its livenessProbe makes the kubelet call the host 169.254.169.254`,
		"path": "/spec/containers/0/livenessProbe/httpGet/host",
		"details": {"container": "web", "host": "169.254.169.254"},
		"remedy": {
			"text": "remove host: the kubelet then calls the pod itself",
			"patch": [{"op": "remove", "path": "/spec/containers/0/livenessProbe/httpGet/host"}],
		},
	}}
}

test_every_probe_and_hook_is_looked_at if {
	violations := policy.deny with input as fixture.container({
		"livenessProbe": {"tcpSocket": {"host": "a", "port": 1}},
		"readinessProbe": {"httpGet": {"host": "b", "port": 1}},
		"startupProbe": {"tcpSocket": {"host": "c", "port": 1}},
		"lifecycle": {
			"postStart": {"httpGet": {"host": "d", "port": 1}},
			"preStop": {"tcpSocket": {"host": "e", "port": 1}},
		},
	})
	fixture.paths(violations) == {
		"/spec/containers/0/livenessProbe/tcpSocket/host",
		"/spec/containers/0/readinessProbe/httpGet/host",
		"/spec/containers/0/startupProbe/tcpSocket/host",
		"/spec/containers/0/lifecycle/postStart/httpGet/host",
		"/spec/containers/0/lifecycle/preStop/tcpSocket/host",
	}
	violation_of_hook := {violation.msg | some violation in violations; violation.details.host == "d"}
	violation_of_hook == {`container "web": its postStart makes the kubelet call the host d`}
}

test_localhost_is_the_node_and_denied if {
	violations := policy.deny with input as fixture.container({"readinessProbe": {"httpGet": {"host": "127.0.0.1", "port": 1}}})
	count(violations) == 1
}

test_this_is_allowed[name] if {
	some name, handler in {
		"no host": {"httpGet": {"port": 80}},
		"an empty host": {"httpGet": {"host": "", "port": 80}},
		"null": {"tcpSocket": {"host": null, "port": 80}},
		"a Host header": {"httpGet": {"port": 80, "httpHeaders": [{"name": "Host", "value": "shop.example.com"}]}},
		"a command": {"exec": {"command": ["true"]}},
		"nothing": null,
	}
	violations := policy.deny with input as fixture.container({
		"livenessProbe": handler,
		"lifecycle": {"preStop": handler},
	})
	violations == set()
}

test_the_control_is_part_of_the_standard_since_1_34 if {
	bad := fixture.container({"livenessProbe": {"httpGet": {"host": "a", "port": 1}}, "lifecycle": {"preStop": {"httpGet": {"host": "a"}}}})
	before := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline", "enforce-version": "v1.33"})
	since := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline", "enforce-version": "v1.34"})
	before == set()
	count(since) == 2
}

test_init_containers_that_go_on_running_are_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"initContainers": [{
		"name": "proxy",
		"restartPolicy": "Always",
		"startupProbe": {"httpGet": {"host": "a", "port": 1}},
	}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/initContainers/0/startupProbe/httpGet/host"}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container({"livenessProbe": {"httpGet": {"host": "a", "port": 1}}})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
