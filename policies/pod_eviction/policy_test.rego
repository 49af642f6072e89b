package lockkeeper.pod_eviction_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.pod_eviction as policy

parameters := {"protectedNamespaces": ["kube-system"], "exemptSubjects": ["Group:oncall"]}

evict(namespace, members) := fixture.by(
	fixture.with_parameters(
		fixture.with_review(
			fixture.create(object.union({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "dns-0"}}, members)),
			{"namespace": namespace},
		),
		parameters,
	),
	"alice",
	[],
)

test_an_eviction_by_hand_is_a_warning if {
	warnings := policy.warn with input as evict("kube-system", {})
	warnings == {{
		"msg": `the user "alice" evicts the pod dns-0 from the protected namespace kube-system`,
		"path": "",
		"details": {"pod": "dns-0"},
		"remedy": {"text": "drain the node as a whole, and see that a PodDisruptionBudget keeps one pod running"},
	}}
}

test_no_time_to_shut_down_is_said[name] if {
	some name, [seconds, ending] in {"none": [0, ", without time to shut down"], "some": [30, ""], "null": [null, ""]}
	warnings := policy.warn with input as evict("kube-system", {"deleteOptions": {"gracePeriodSeconds": seconds}})
	fixture.messages(warnings) == {concat("", [`the user "alice" evicts the pod dns-0 from the protected namespace kube-system`, ending])}
}

test_other_namespaces_are_allowed if {
	warnings := policy.warn with input as evict("shop", {})
	warnings == set()
}

test_controllers_may if {
	warnings := policy.warn with input as fixture.by(evict("kube-system", {}), "system:serviceaccount:kube-system:cluster-autoscaler", [])
	warnings == set()
}

test_programs_with_an_account_may if {
	warnings := policy.warn with input as fixture.by(evict("kube-system", {}), "system:serviceaccount:descheduler:descheduler", [])
	warnings == set()
}

test_exempt_subjects_may if {
	warnings := policy.warn with input as fixture.by(evict("kube-system", {}), "bob", ["oncall"])
	warnings == set()
}
