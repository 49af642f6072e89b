package lockkeeper.insecure_ports_test

import data.lockkeeper.insecure_ports as policy
import data.lockkeeper.lib.fixture

service(spec) := fixture.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

test_a_login_that_is_open_to_the_outside_is_denied if {
	violations := policy.deny with input as service({"type": "LoadBalancer", "ports": [{"port": 443}, {"port": 23}]})
	violations == {{
		"msg": "port TCP/23, telnet is open to the outside: it sends logins in plain text",
		"path": "/spec/ports/1/port",
		"details": {"port": "TCP/23"},
		"remedy": {"text": "use a protocol with TLS and authentication, and keep the Service inside the cluster"},
	}}
	warnings := policy.warn with input as service({"type": "LoadBalancer", "ports": [{"port": 443}, {"port": 23}]})
	warnings == set()
}

test_what_controls_a_node_is_denied if {
	every number in [2375, 10250, 10255] {
		violations := policy.deny with input as service({"type": "NodePort", "ports": [{"port": number, "protocol": "TCP"}]})
		fixture.paths(violations) == {"/spec/ports/0/port"}
	}
}

test_a_database_that_is_open_to_the_outside_is_a_warning if {
	warnings := policy.warn with input as service({"type": "LoadBalancer", "ports": [{"port": 6379}]})
	fixture.messages(warnings) == {"port TCP/6379, redis is open to the outside: databases are for the applications beside them"}
	violations := policy.deny with input as service({"type": "LoadBalancer", "ports": [{"port": 6379}]})
	violations == set()
}

test_a_login_inside_the_cluster_is_a_warning if {
	warnings := policy.warn with input as service({"ports": [{"port": 513}]})
	fixture.messages(warnings) == {"port TCP/513, login: it trusts the address of the caller instead of a password"}
	violations := policy.deny with input as service({"ports": [{"port": 513}]})
	violations == set()
}

test_external_addresses_are_open_to_the_outside if {
	violations := policy.deny with input as service({"type": "ClusterIP", "externalIPs": ["192.0.2.7"], "ports": [{"port": 23}]})
	count(violations) == 1
}

test_another_number_in_front_changes_nothing if {
	violations := policy.deny with input as service({"type": "LoadBalancer", "ports": [{"port": 443, "targetPort": 2375}]})
	fixture.paths(violations) == {"/spec/ports/0/targetPort"}
}

test_one_port_is_one_violation if {
	violations := policy.deny with input as service({"type": "LoadBalancer", "ports": [{"port": 23, "targetPort": 23}]})
	fixture.paths(violations) == {"/spec/ports/0/port"}
}

test_the_protocol_counts if {
	violations := policy.deny with input as service({"type": "LoadBalancer", "ports": [{"port": 69, "protocol": "UDP"}, {"port": 69}, {"port": 23, "protocol": "UDP"}]})
	fixture.paths(violations) == {"/spec/ports/0/port"}
}

test_this_is_allowed[name] if {
	some name, spec in {
		"a database inside the cluster": {"ports": [{"port": 5432}]},
		"ports that are not listed": {"type": "LoadBalancer", "ports": [{"port": 443, "targetPort": "https"}, {"port": 514}]},
		"no ports": {"type": "LoadBalancer", "ports": null},
		"malformed ports": {"type": "LoadBalancer", "ports": [null, "23", {"port": "23"}, {"targetPort": "telnet"}]},
	}
	violations := policy.deny with input as service(spec)
	violations == set()
	warnings := policy.warn with input as service(spec)
	warnings == set()
}

test_parameters_allow_ports if {
	violations := policy.deny with input as fixture.with_parameters(
		service({"type": "LoadBalancer", "ports": [{"port": 23}, {"port": 2375}]}),
		{"allowed": ["TCP/23"]},
	)
	fixture.paths(violations) == {"/spec/ports/1/port"}
}

test_each_row_of_the_table_can_be_used if {
	every key, row in data.lockkeeper.ports.list {
		regex.match(`^(TCP|UDP)/[0-9]+$`, key)
		row.use in {"control", "data", "login"}
		row.title != ""
		row.danger != ""
	}
	count(data.lockkeeper.ports.list) > 30
}

test_a_deleted_Service_is_not_judged if {
	violations := policy.deny with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"type": "NodePort", "ports": [{"port": 23}]},
	})
	violations == set()
}
