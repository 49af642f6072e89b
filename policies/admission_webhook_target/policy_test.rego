package lockkeeper.admission_webhook_target_test

import data.lockkeeper.admission_webhook_target as policy
import data.lockkeeper.lib.fixture

webhook(kind, client, rule, members) := fixture.with_parameters(
	fixture.create({
		"apiVersion": "admissionregistration.k8s.io/v1",
		"kind": kind,
		"metadata": {"name": "hooks"},
		"webhooks": [object.union({"name": "a.example.com", "clientConfig": client, "rules": [rule]}, members)],
	}),
	{"allowedHosts": ["hooks.example.org"]},
)

pods := {"apiGroups": [""], "resources": ["pods"]}

outside := {"url": "https://hooks.example.com/mutate"}

test_pods_sent_outside_are_denied if {
	violations := policy.deny with input as webhook("MutatingWebhookConfiguration", outside, pods, {})
	violations == {{
		"msg": `webhook "a.example.com" sends every one of the pods it is asked about to hooks.example.com, outside the cluster`,
		"path": "/webhooks/0/clientConfig/url",
		"details": {"webhook": "a.example.com", "host": "hooks.example.com", "sees": "pods"},
		"remedy": {"text": "run the webhook in the cluster and name it with clientConfig.service"},
	}}
	warnings := policy.warn with input as webhook("MutatingWebhookConfiguration", outside, pods, {})
	warnings == set()
}

test_what_a_rule_sees[name] if {
	some name, [rule, sees] in {
		"Secrets": [{"apiGroups": [""], "resources": ["secrets"]}, "secrets"],
		"everything": [{"apiGroups": ["*"], "resources": ["*"]}, "secrets"],
		"everything with subresources": [{"apiGroups": ["*"], "resources": ["*/*"]}, "secrets"],
		"pods of all groups": [{"apiGroups": ["*"], "resources": ["pods"]}, "pods"],
	}
	violations := policy.deny with input as webhook("ValidatingWebhookConfiguration", outside, rule, {})
	{violation.details.sees | some violation in violations} == {sees}
}

test_other_kinds_outside_are_a_warning[name] if {
	some name, rule in {
		"a kind of its own": {"apiGroups": ["example.com"], "resources": ["widgets"]},
		"pods of another group": {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"]},
		"no rules": null,
	}
	request := webhook("ValidatingWebhookConfiguration", outside, rule, {})
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.messages(warnings) == {`webhook "a.example.com" sends the objects it is asked about to hooks.example.com, outside the cluster`}
}

test_a_private_address_is_a_warning if {
	request := webhook("MutatingWebhookConfiguration", {"url": "https://10.0.0.9:9443/mutate"}, pods, {})
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.messages(warnings) == {`webhook "a.example.com" is asked about pods at 10.0.0.9, which is no Service of the cluster`}
}

test_a_service_that_may_change_every_Secret_is_a_warning if {
	rule := {"apiGroups": [""], "resources": ["secrets"]}
	warnings := policy.warn with input as webhook("MutatingWebhookConfiguration", {"service": {"name": "a"}}, rule, {})
	fixture.messages(warnings) == {`webhook "a.example.com" reads and may change every Secret that is written`}
}

test_this_is_usual[name] if {
	some name, [kind, client, rule, members] in {
		"a service": ["MutatingWebhookConfiguration", {"service": {"name": "a"}}, pods, {}],
		"the control plane itself": ["MutatingWebhookConfiguration", {"url": "https://127.0.0.1:23443/mutate"}, pods, {}],
		"an allowed host": ["MutatingWebhookConfiguration", {"url": "https://hooks.example.org/mutate"}, pods, {}],
		"a service that only looks": ["ValidatingWebhookConfiguration", {"service": {"name": "a"}}, {"apiGroups": [""], "resources": ["secrets"]}, {}],
		"some Secrets": ["MutatingWebhookConfiguration", {"service": {"name": "a"}}, {"apiGroups": [""], "resources": ["secrets"]}, {"objectSelector": {"matchLabels": {"a": "b"}}}],
		"garbage": ["MutatingWebhookConfiguration", {"url": 3}, "x", {"rules": "x"}],
	}
	request := webhook(kind, client, rule, members)
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	warnings == set()
}
