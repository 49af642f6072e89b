package lockkeeper.service_node_port_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.service_node_port as policy

service(spec) := fixture.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

test_each_node_port_is_a_warning if {
	warnings := policy.warn with input as service({"type": "NodePort", "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 9000, "nodePort": 30900}]})
	warnings == {
		{
			"msg": "port 80 is opened on every node",
			"path": "/spec/ports/0",
			"details": {"port": 80},
			"remedy": {"text": "use type ClusterIP, and an Ingress or a Gateway for what must be reached from outside"},
		},
		{
			"msg": "port 9000 is opened on every node",
			"path": "/spec/ports/1",
			"details": {"port": 9000},
			"remedy": {"text": "use type ClusterIP, and an Ingress or a Gateway for what must be reached from outside"},
		},
	}
}

test_a_port_that_the_API_server_chose_is_the_same if {
	warnings := policy.warn with input as service({"type": "NodePort", "ports": [{"port": 80, "nodePort": 31234, "protocol": "TCP"}]})
	fixture.messages(warnings) == {"port 80 is opened on every node"}
}

test_a_port_without_a_number_is_told_by_its_name if {
	warnings := policy.warn with input as service({"type": "NodePort", "ports": [{"name": "http"}]})
	fixture.messages(warnings) == {"port http is opened on every node"}
}

test_other_types_are_allowed[kind] if {
	some kind, spec in {
		"ClusterIP": {"type": "ClusterIP", "ports": [{"port": 80}]},
		"the default": {"ports": [{"port": 80}]},
		"LoadBalancer, which is another policy's": {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 31234}]},
	}
	warnings := policy.warn with input as service(spec)
	warnings == set()
}

test_malformed_ports_are_no_violation if {
	every ports in [null, "80", {"http": {"port": 80}}, [null, 80, "80"]] {
		warnings := policy.warn with input as service({"type": "NodePort", "ports": ports})
		warnings == set()
	}
}

test_parameters_allow_node_ports_that_are_named if {
	warnings := policy.warn with input as fixture.with_parameters(
		service({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}, {"port": 443, "nodePort": 30443}, {"port": 9000}]}),
		{"allowed": [30080]},
	)
	fixture.paths(warnings) == {"/spec/ports/1", "/spec/ports/2"}
}

test_a_deleted_Service_is_not_judged if {
	violations := policy.warn with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"type": "NodePort", "ports": [{"port": 80}]},
	})
	violations == set()
}
