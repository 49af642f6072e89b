package lockkeeper.service_external_ips_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.service_external_ips as policy

service(spec) := fixture.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

test_each_address_is_denied if {
	violations := policy.deny with input as service({"externalIPs": ["169.254.169.254", "1.1.1.1"]})
	remedy := {
		"text": "remove externalIPs, and use type LoadBalancer where the Service must be reached from outside",
		"patch": [{"op": "remove", "path": "/spec/externalIPs"}],
	}
	violations == {
		{
			"msg": "every node sends traffic for 169.254.169.254 to this Service, whoever owns that address",
			"path": "/spec/externalIPs/0",
			"details": {"externalIP": "169.254.169.254"},
			"remedy": remedy,
		},
		{
			"msg": "every node sends traffic for 1.1.1.1 to this Service, whoever owns that address",
			"path": "/spec/externalIPs/1",
			"details": {"externalIP": "1.1.1.1"},
			"remedy": remedy,
		},
	}
}

test_every_type_is_judged if {
	every kind in ["ClusterIP", "NodePort", "LoadBalancer"] {
		violations := policy.deny with input as service({"type": kind, "externalIPs": ["192.0.2.7"]})
		fixture.paths(violations) == {"/spec/externalIPs/0"}
	}
}

test_no_addresses_are_allowed if {
	every addresses in [[], null, "1.1.1.1"] {
		violations := policy.deny with input as service({"externalIPs": addresses})
		violations == set()
	}
}

test_an_absent_list_is_allowed if {
	violations := policy.deny with input as service({"type": "LoadBalancer", "loadBalancerIP": "192.0.2.7"})
	violations == set()
}

test_parameters_allow_addresses_and_then_the_list_stays if {
	violations := policy.deny with input as fixture.with_parameters(
		service({"externalIPs": ["192.0.2.7", "1.1.1.1"]}),
		{"allowed": ["192.0.2.7"]},
	)
	violations == {{
		"msg": "every node sends traffic for 1.1.1.1 to this Service, whoever owns that address",
		"path": "/spec/externalIPs/1",
		"details": {"externalIP": "1.1.1.1"},
		"remedy": {"text": "remove the addresses that do not belong to the cluster"},
	}}
}

test_a_deleted_Service_is_not_judged if {
	violations := policy.deny with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"externalIPs": ["1.1.1.1"]},
	})
	violations == set()
}
