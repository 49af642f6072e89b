package lockkeeper.host_ports_test

import data.lockkeeper.host_ports as policy
import data.lockkeeper.lib.fixture

test_a_host_port_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.container({"ports": [
		{"containerPort": 8080},
		{"containerPort": 9100, "hostPort": 9100},
	]})
	violations == {{
		"msg": `container "web" opens port 9100 on the node`,
		"path": "/spec/containers/0/ports/1/hostPort",
		"details": {"container": "web", "hostPort": 9100},
		"remedy": {
			"text": "remove hostPort and reach the container through a Service",
			"patch": [{"op": "remove", "path": "/spec/containers/0/ports/1/hostPort"}],
		},
	}}
}

test_this_is_allowed[name] if {
	some name, ports in {
		"no hostPort": [{"containerPort": 80}],
		"hostPort is 0": [{"containerPort": 80, "hostPort": 0}],
		"hostPort is null": [{"containerPort": 80, "hostPort": null}],
		"hostPort is a string": [{"containerPort": 80, "hostPort": "80"}],
		"ports is an object": {"http": {"containerPort": 80, "hostPort": 80}},
		"ports is null": null,
		"null and strings among the ports": [null, "80", 80],
	}
	violations := policy.deny with input as fixture.container({"ports": ports})
	violations == set()
}

test_parameters_allow_single_ports if {
	violations := policy.deny with input as fixture.with_parameters(
		fixture.container({"ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 81}]}),
		{"allowed": [80]},
	)
	fixture.paths(violations) == {"/spec/containers/0/ports/1/hostPort"}
}

# The API server writes hostPort itself where the pod has hostNetwork: both forms have one answer.
test_ports_of_a_pod_in_the_network_of_the_node_are_host_ports if {
	raw := policy.deny with input as fixture.pod({
		"hostNetwork": true,
		"containers": [{"name": "node-exporter", "ports": [{"containerPort": 9100}]}],
	})
	defaulted := policy.deny with input as fixture.pod({
		"hostNetwork": true,
		"containers": [{"name": "node-exporter", "ports": [{"containerPort": 9100, "hostPort": 9100}]}],
	})
	raw == defaulted
	raw == {{
		"msg": `container "node-exporter" opens port 9100 on the node, because the pod has hostNetwork`,
		"path": "/spec/containers/0/ports/0/hostPort",
		"details": {"container": "node-exporter", "hostPort": 9100},
		"remedy": {"text": "remove hostNetwork and hostPort, and reach the container through a Service"},
	}}
}

test_a_pod_in_the_network_of_the_node_without_ports_opens_none if {
	violations := policy.deny with input as fixture.pod({"hostNetwork": true, "containers": [{"name": "agent"}]})
	violations == set()
}

test_ephemeral_and_init_containers_are_looked_at if {
	violations := policy.deny with input as fixture.pod({
		"initContainers": [{"name": "i", "ports": [{"hostPort": 1}]}],
		"ephemeralContainers": [{"name": "e", "ports": [{"hostPort": 2}]}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/ports/0/hostPort",
		"/spec/ephemeralContainers/0/ports/0/hostPort",
	}
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"containers": [{"ports": [{"hostPort": 80}]}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0/ports/0/hostPort"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"ports": [{"hostPort": 80}]}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/ports/0/hostPort"])}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container({"ports": [{"containerPort": 80, "hostPort": 80}]})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}

test_a_template_gets_no_host_ports_from_the_API_server if {
	violations := policy.deny with input as fixture.cron_job({
		"hostNetwork": true,
		"containers": [{"name": "report", "ports": [{"containerPort": 9100}]}],
	})
	violations == set()
}
