package lockkeeper.admission_control_weakened_test

import data.lockkeeper.admission_control_weakened as policy
import data.lockkeeper.lib.fixture

# Given as data here; the card says the same.
parameters := {"protectedNames": ["lockkeeper", "gate-*"]}

rule := {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}

webhooks(name, list) := {
	"apiVersion": "admissionregistration.k8s.io/v1",
	"kind": "ValidatingWebhookConfiguration",
	"metadata": {"name": name},
	"webhooks": list,
}

hook(members) := object.union({"name": "images.example.com", "rules": [rule]}, members)

from_to(old, new) := fixture.with_parameters(fixture.update(webhooks("images", new), webhooks("images", old)), parameters)

spec_change(kind, old, new) := fixture.with_parameters(
	fixture.update(
		{"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "limits"}, "spec": new},
		{"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "limits"}, "spec": old},
	),
	parameters,
)

test_a_webhook_that_fails_open_is_a_warning if {
	violations := policy.warn with input as from_to([hook({})], [hook({"failurePolicy": "Ignore"})])
	violations == {{
		"msg": `webhook "images.example.com": failurePolicy becomes Ignore: while it cannot answer, everything passes`,
		"path": "/webhooks/0/failurePolicy",
		"details": {"change": "failurePolicy", "name": "images.example.com"},
		"remedy": {"text": "leave failurePolicy at Fail, and give what answers more replicas"},
	}}
	denied := policy.deny with input as from_to([hook({})], [hook({"failurePolicy": "Ignore"})])
	denied == set()
}

test_the_gate_itself_is_protected[name] if {
	some name, count_of_violations in {"lockkeeper": 1, "gate-2": 1, "lockkeeper-2": 0, "agate-2": 0}
	request := fixture.update(webhooks(name, [hook({"failurePolicy": "Ignore"})]), webhooks(name, [hook({})]))
	violations := policy.deny with input as fixture.with_parameters(request, parameters)
	count(violations) == count_of_violations
	warnings := policy.warn with input as fixture.with_parameters(request, parameters)
	count(warnings) == 1 - count_of_violations
}

test_changes_of_a_webhook[name] if {
	some name, [old, new, changes] in {
		"removed": [[hook({}), hook({"name": "b"})], [hook({})], {["removed", "/webhooks"]}],
		"another selector": [
			[hook({"namespaceSelector": {"matchLabels": {"a": "b"}}})],
			[hook({"namespaceSelector": {"matchLabels": {"a": "c"}}})],
			{["namespaceSelector", "/webhooks/0/namespaceSelector"]},
		],
		"a selector of objects": [[hook({})], [hook({"objectSelector": {"matchLabels": {"a": "c"}}})], {["objectSelector", "/webhooks/0/objectSelector"]}],
		"a condition": [[hook({})], [hook({"matchConditions": [{"name": "x", "expression": "false"}]})], {["matchConditions", "/webhooks/0/matchConditions"]}],
		"an operation less": [[hook({})], [hook({"rules": [object.union(rule, {"operations": ["CREATE"]})]})], {["rules", "/webhooks/0/rules"]}],
		"only namespaced objects": [[hook({})], [hook({"rules": [object.union(rule, {"scope": "Namespaced"})]})], {["rules", "/webhooks/0/rules"]}],
		"no rules at all": [[hook({})], [hook({"rules": null})], {["rules", "/webhooks/0/rules"]}],
		"moved": [[hook({}), hook({"name": "b"})], [hook({"name": "b"}), hook({"failurePolicy": "Ignore"})], {["failurePolicy", "/webhooks/1/failurePolicy"]}],
	}
	violations := policy.warn with input as from_to(old, new)
	{[violation.details.change, violation.path] | some violation in violations} == changes
}

test_this_weakens_nothing[name] if {
	some name, [old, new] in {
		"the same": [[hook({})], [hook({})]],
		"defaults written out": [[hook({})], [hook({"failurePolicy": "Fail", "namespaceSelector": {}, "objectSelector": {}, "rules": [object.union(rule, {"scope": "*"})]})]],
		"defaults left out": [[hook({"failurePolicy": "Fail", "namespaceSelector": {}, "rules": [object.union(rule, {"scope": "*"})]})], [hook({})]],
		"another order": [[hook({})], [hook({"rules": [object.union(rule, {"operations": ["UPDATE", "CREATE"]})]})]],
		"a rule more": [[hook({})], [hook({"rules": [rule, object.union(rule, {"resources": ["services"]})]})]],
		"a selector taken away": [[hook({"namespaceSelector": {"matchLabels": {"a": "b"}}})], [hook({})]],
		"closed again": [[hook({"failurePolicy": "Ignore"})], [hook({})]],
		"a webhook more": [[hook({})], [hook({}), hook({"name": "b", "failurePolicy": "Ignore"})]],
		"garbage": ["x", [null, "x", {"name": 3}]],
	}
	violations := policy.warn with input as from_to(old, new)
	violations == set()
}

test_a_deleted_configuration_is_a_warning if {
	violations := policy.warn with input as fixture.with_parameters(fixture.delete(webhooks("images", [hook({})])), parameters)
	fixture.messages(violations) == {"the ValidatingWebhookConfiguration is deleted: nothing it refused is refused any more"}
}

test_changes_of_a_policy[name] if {
	some name, [old, new, changes] in {
		"fails open": [{}, {"failurePolicy": "Ignore"}, {["failurePolicy", "/spec/failurePolicy"]}],
		"a validation less": [{"validations": [{"expression": "a"}, {"expression": "b"}]}, {"validations": [{"expression": "b"}]}, {["validations", "/spec/validations"]}],
		"a validation changed": [{"validations": [{"expression": "a"}]}, {"validations": [{"expression": "true"}]}, {["validations", "/spec/validations"]}],
		"a rule less": [{"matchConstraints": {"resourceRules": [rule]}}, {"matchConstraints": {"resourceRules": []}}, {["rules", "/spec/matchConstraints/resourceRules"]}],
		"something excluded": [
			{"matchConstraints": {"resourceRules": [rule]}},
			{"matchConstraints": {"resourceRules": [rule], "excludeResourceRules": [rule]}},
			{["excludeResourceRules", "/spec/matchConstraints/excludeResourceRules"]},
		],
		"defaults written out": [
			{"matchConstraints": {"resourceRules": [rule]}},
			{"failurePolicy": "Fail", "matchConstraints": {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [object.union(rule, {"scope": "*"})]}},
			set(),
		],
		"a message": [{"validations": [{"expression": "a"}]}, {"validations": [{"expression": "a", "message": "no"}]}, set()],
	}
	violations := policy.warn with input as spec_change("ValidatingAdmissionPolicy", old, new)
	{[violation.details.change, violation.path] | some violation in violations} == changes
}

test_changes_of_a_binding[name] if {
	some name, [old, new, changes] in {
		"only warns": [{"validationActions": ["Deny"]}, {"validationActions": ["Warn"]}, {["validationActions", "/spec/validationActions"]}],
		"refuses and warns": [{"validationActions": ["Deny"]}, {"validationActions": ["Deny", "Audit"]}, set()],
		"another policy": [{"policyName": "limits"}, {"policyName": "nothing"}, {["policyName", "/spec/policyName"]}],
		"rules of its own": [{"matchResources": {}}, {"matchResources": {"resourceRules": [rule]}}, {["rules", "/spec/matchResources/resourceRules"]}],
		"no rules of its own any more": [{"matchResources": {"resourceRules": [rule]}}, {}, set()],
		"some namespaces": [{}, {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}, {["namespaceSelector", "/spec/matchResources/namespaceSelector"]}],
	}
	violations := policy.warn with input as spec_change("ValidatingAdmissionPolicyBinding", old, new)
	{[violation.details.change, violation.path] | some violation in violations} == changes
}
