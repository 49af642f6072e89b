package lockkeeper.rbac_admission_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_admission as policy

rule(resources, verbs) := {"apiGroups": ["admissionregistration.k8s.io"], "resources": resources, "verbs": verbs}

namespaces(verbs) := {"apiGroups": [""], "resources": ["namespaces"], "verbs": verbs}

test_writing_webhook_configurations_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["mutatingwebhookconfigurations"], ["get", "create", "patch"])])
	warnings == {{
		"msg": concat("", [
			"rule 0 allows create, patch on mutatingwebhookconfigurations.admissionregistration.k8s.io: ",
			"whoever has the role decides what admission sees and refuses",
		]),
		"path": "/rules/0",
		"details": {
			"resources": ["mutatingwebhookconfigurations.admissionregistration.k8s.io"],
			"verbs": ["create", "patch"],
		},
		"remedy": {"text": "list the configurations concerned in resourceNames"},
	}}
}

test_this_is_a_warning[name] if {
	some name, candidate in {
		"deleting validating webhooks": rule(["validatingwebhookconfigurations"], ["delete"]),
		"admission policies": rule(["validatingadmissionpolicies"], ["update"]),
		"their bindings": rule(["validatingadmissionpolicybindings", "mutatingadmissionpolicybindings"], ["deletecollection"]),
		"every verb": rule(["mutatingadmissionpolicies"], ["*"]),
		"labels of namespaces": namespaces(["get", "patch"]),
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	fixture.paths(warnings) == {"/rules/0"}
}

test_the_message_says_what_the_labels_of_a_namespace_do if {
	warnings := policy.warn with input as rbac_fixture.role([namespaces(["update"])])
	fixture.messages(warnings) == {"rule 0 allows update on namespaces: their labels say which Pod Security level and which policies hold"}
}

test_this_is_allowed[name] if {
	some name, candidate in {
		"reading": rule(["mutatingwebhookconfigurations", "validatingwebhookconfigurations"], ["get", "list", "watch"]),
		"one's own configuration": object.union(rule(["mutatingwebhookconfigurations"], ["patch"]), {"resourceNames": ["injector"]}),
		"making and deleting namespaces": namespaces(["create", "delete"]),
		"one's own namespace": object.union(namespaces(["patch"]), {"resourceNames": ["shop"]}),
		"every resource, which is another policy's": rule(["*"], ["*"]),
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	warnings == set()
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.warn with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.warn with input as rbac_fixture.aggregated([namespaces(["patch"])])
	of_the_aggregation == set()
	of_the_api_server := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([namespaces(["patch"])]))
	of_the_api_server == set()
}
