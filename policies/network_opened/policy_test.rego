package lockkeeper.network_opened_test

import data.lockkeeper.lib.changeset_fixture as fixture
import data.lockkeeper.network_opened as policy

web := fixture.keep(fixture.deployment("web", {"app": "web"}))

worker := fixture.keep(fixture.deployment("worker", {"app": "worker"}))

isolate(spec) := fixture.network_policy("web", object.union({"podSelector": {"matchLabels": {"app": "web"}}}, spec))

from_web := {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "worker"}}}]}]}

everybody := {"ingress": [{}]}

messages(changes) := {violation.msg | some violation in found} if found := policy.warn with input as fixture.set_of(changes)

test_a_policy_that_goes_while_its_pods_stay_is_a_warning if {
	violations := policy.warn with input as fixture.set_of([web, worker, fixture.delete(isolate(from_web))])
	violations == {{
		"msg": "without NetworkPolicy shop/web no NetworkPolicy of the change restricts the ingress of Deployment shop/web any more",
		"path": "",
		"details": {"objects": [2], "policyType": "Ingress"},
		"remedy": {"text": "keep a NetworkPolicy that selects the pods and names who may connect"},
	}}
}

test_a_policy_that_selects_others_is_a_warning if {
	moved := object.union(isolate(from_web), {"spec": {"podSelector": {"matchLabels": {"app": "worker"}}}})
	messages([web, worker, fixture.update(isolate(from_web), moved)]) == {"without NetworkPolicy shop/web no NetworkPolicy of the change restricts the ingress of Deployment shop/web any more"}
}

test_a_direction_that_goes_is_a_warning[name] if {
	some name, before in {
		"by its rules": isolate(object.union(from_web, {"egress": [{"ports": [{"port": 53}]}]})),
		"by name": isolate({"policyTypes": ["Ingress", "Egress"]}),
	}
	messages([web, fixture.update(before, isolate(object.union(from_web, {"policyTypes": ["Ingress"]})))]) == {"without NetworkPolicy shop/web no NetworkPolicy of the change restricts the egress of Deployment shop/web any more"}
}

test_a_policy_that_takes_everybody_is_a_warning[name] if {
	some name, rule in {
		"without peers": {},
		"with empty peers": {"from": []},
		"every address": {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]},
		"every namespace": {"from": [{"namespaceSelector": {}}]},
	}
	messages([web, fixture.update(isolate(from_web), isolate({"ingress": [rule]}))]) == {"NetworkPolicy shop/web named its peers for ingress, and takes everybody with this change"}
}

test_egress_to_everybody_is_a_warning if {
	named := isolate({"policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]})
	open := isolate({"policyTypes": ["Egress"], "egress": [{}]})
	messages([web, fixture.update(named, open)]) == {"NetworkPolicy shop/web named its peers for egress, and takes everybody with this change"}
}

test_allowed[name] if {
	some name, changes in {
		"a policy that goes with its pods": [worker, fixture.delete(fixture.deployment("web", {"app": "web"})), fixture.delete(isolate(from_web))],
		"another policy selects them": [web, fixture.delete(isolate(from_web)), fixture.create(fixture.network_policy("all", {"podSelector": {}}))],
		"a policy for nothing in the change": [worker, fixture.delete(isolate(from_web))],
		"a policy that is new": [web, fixture.create(isolate(everybody))],
		"a rule more": [web, fixture.update(isolate(from_web), isolate({"ingress": array.concat(from_web.ingress, [{"from": [{"podSelector": {}}]}])}))],
		"everybody as before": [web, fixture.keep(isolate(everybody))],
		"egress that was not restricted": [web, fixture.update(isolate(from_web), isolate(object.union(from_web, {"policyTypes": ["Ingress", "Egress"], "egress": [{}]})))],
		"a network without a part of it": [web, fixture.update(isolate(from_web), isolate({"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]}))],
		"some pods of every namespace": [web, fixture.update(isolate(from_web), isolate({"ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "prometheus"}}}]}]}))],
		"open for no workload of the change": [worker, fixture.update(isolate(from_web), isolate(everybody))],
		"another kind": [web, fixture.delete(fixture.named("crd.projectcalico.org/v1", "NetworkPolicy", "web", {}))],
	}
	messages(changes) == set()
}
