package lockkeeper.open_egress_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.open_egress as policy

policy_of(spec) := {
	"apiVersion": "networking.k8s.io/v1",
	"kind": "NetworkPolicy",
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": spec,
}

warnings_of(egress) := warnings if {
	warnings := policy.warn with input as fixture.create(policy_of({"podSelector": {}, "policyTypes": ["Egress"], "egress": egress}))
}

block(cidr) := {"ipBlock": {"cidr": cidr}}

test_an_empty_rule_is_a_warning if {
	warnings_of([{"ports": [{"port": 53, "protocol": "UDP"}]}, {}]) == {{
		"msg": "egress rule 1 lets the pods connect to every pod and every address on every port",
		"path": "/spec/egress/1",
		"details": {"target": "every pod and every address"},
		"remedy": {"text": "name the peers and ports that are needed; for the internet a port, and the own networks in except"},
	}}
}

test_every_address_is_a_warning if {
	fixture.messages(warnings_of([{"to": [{"podSelector": {}}, block("0.0.0.0/0")]}])) == {
		"egress rule 0 lets the pods connect to 0.0.0.0/0 on every port",
	}
}

test_this_is_a_warning[name] if {
	some name, rule in {
		"every address of IPv6": {"to": [block("::/0")]},
		"half of all addresses": {"to": [block("128.0.0.0/1")]},
		"empty lists": {"to": [], "ports": []},
		"null": {"to": null, "ports": null},
		"no exceptions": {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": []}}]},
		"every port of TCP": {"to": [block("0.0.0.0/0")], "ports": [{"protocol": "TCP"}]},
		"every port of the default protocol": {"ports": [{"port": 53, "protocol": "UDP"}, {}]},
		"every port as a range": {"ports": [{"port": 1, "endPort": 65535, "protocol": "TCP"}]},
	}
	fixture.paths(warnings_of([rule])) == {"/spec/egress/0"}
}

test_this_is_allowed[name] if {
	some name, rule in {
		"the internet on one port": {"to": [block("0.0.0.0/0")], "ports": [{"port": 443}]},
		"the internet without the own networks": {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}}]},
		"every pod of the cluster": {"to": [{"namespaceSelector": {}}]},
		"one network": {"to": [block("10.0.0.0/8")]},
		"every address on one port": {"ports": [{"port": 53, "protocol": "UDP"}]},
		"every port of another protocol": {"ports": [{"protocol": "UDP"}]},
		"the first ports": {"ports": [{"port": 1, "endPort": 1023}]},
		"a part of the ports": {"ports": [{"port": 1024, "endPort": 65535}]},
	}
	warnings_of([rule]) == set()
}

test_a_policy_without_types_is_one_for_egress_too if {
	every types in [{}, {"policyTypes": []}, {"policyTypes": null}] {
		warnings := policy.warn with input as fixture.create(policy_of(object.union({"podSelector": {}, "egress": [{}]}, types)))
		fixture.paths(warnings) == {"/spec/egress/0"}
	}
}

test_egress_of_a_policy_for_ingress_is_nothing if {
	warnings := policy.warn with input as fixture.create(policy_of({"podSelector": {}, "policyTypes": ["Ingress"], "egress": [{}]}))
	warnings == set()
}

test_malformed_rules_are_no_violation if {
	every egress in [null, "all", [null, "all"]] {
		warnings_of(egress) == set()
	}
}
