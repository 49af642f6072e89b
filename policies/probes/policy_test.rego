package lockkeeper.probes_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.probes as policy

deployment(spec) := fixture.create({
	"apiVersion": "apps/v1",
	"kind": "Deployment",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": {"template": {"spec": spec}},
})

warned(members) := violations if {
	container := object.union({"name": "web", "ports": [{"containerPort": 8080}]}, members)
	violations := policy.warn with input as deployment({"containers": [container]})
}

test_a_port_without_a_probe_is_a_warning if {
	warned({}) == {{
		"msg": `container "web" serves a port and has no readinessProbe`,
		"path": "/spec/template/spec/containers/0",
		"details": {"container": "web", "probe": "readinessProbe"},
		"remedy": {"text": "add a readinessProbe that asks what a request needs: httpGet, grpc, tcpSocket or exec"},
	}}
}

test_this_is_allowed[name] if {
	some name, members in {
		"a probe": {"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}},
		"no ports": {"ports": []},
		"ports of null": {"ports": null},
		"metrics only": {"ports": [{"name": "http-metrics", "containerPort": 9090}]},
		"wrong types": {"ports": [null, "80", {"containerPort": "80"}]},
	}
	warned(members) == set()
}

test_a_probe_of_null_is_none if {
	count(warned({"readinessProbe": null})) == 1
}

test_a_liveness_probe_is_no_readiness_probe if {
	count(warned({"livenessProbe": {"tcpSocket": {"port": 8080}}})) == 1
}

test_sidecars_count_and_other_init_containers_do_not if {
	ports := [{"containerPort": 15001}]
	violations := policy.warn with input as deployment({
		"initContainers": [{"name": "a", "ports": ports}, {"name": "b", "ports": ports, "restartPolicy": "Always"}],
		"ephemeralContainers": [{"name": "c", "ports": ports}],
	})
	fixture.paths(violations) == {"/spec/template/spec/initContainers/1"}
}

test_parameters_choose_the_probes if {
	object := fixture.with_parameters(
		deployment({"containers": [{"name": "web", "ports": [{"containerPort": 80}], "readinessProbe": {}}]}),
		{"required": ["livenessProbe", "startupProbe", "unknownProbe"]},
	)
	violations := policy.warn with input as object
	{violation.details.probe | some violation in violations} == {"livenessProbe", "startupProbe"}
}
