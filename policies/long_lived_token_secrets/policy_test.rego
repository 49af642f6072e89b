package lockkeeper.long_lived_token_secrets_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.long_lived_token_secrets as policy

secret(members) := fixture.create(object.union(
	{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ci", "namespace": "shop"}},
	members,
))

warned(members) := violations if {
	violations := policy.warn with input as secret(members)
}

test_a_service_account_token_is_a_warning if {
	warned({
		"type": "kubernetes.io/service-account-token",
		"metadata": {"annotations": {"kubernetes.io/service-account.name": "deployer"}},
	}) == {{
		"msg": "this Secret gets a token of the service account deployer that never expires",
		"path": "/type",
		"details": {"serviceAccount": "deployer"},
		"remedy": {"text": "ask for a token with an end: a projected volume in a pod, or the TokenRequest API outside"},
	}}
}

test_a_token_without_the_name_of_its_account_is_a_warning if {
	{violation.details.serviceAccount | some violation in warned({"type": "kubernetes.io/service-account-token"})} == {""}
}

test_a_bootstrap_token_without_an_end_is_a_warning if {
	warned({"type": "bootstrap.kubernetes.io/token", "data": {"token-id": "YWJjZGVm"}}) == {{
		"msg": "this bootstrap token has no expiration: whoever reads it can join nodes to the cluster for ever",
		"path": "/type",
		"details": {"type": "bootstrap.kubernetes.io/token"},
		"remedy": {"text": "set expiration to a time a few hours from now"},
	}}
}

test_a_bootstrap_token_with_an_end_is_allowed[field] if {
	some field in ["data", "stringData"]
	warned({"type": "bootstrap.kubernetes.io/token", field: {"expiration": "2026-06-02T00:00:00Z"}}) == set()
}

test_other_types_are_allowed[name] if {
	some name, members in {
		"opaque": {"type": "Opaque"},
		"absent": {},
		"null": {"type": null},
		"TLS": {"type": "kubernetes.io/tls"},
		"of a registry": {"type": "kubernetes.io/dockerconfigjson"},
	}
	warned(members) == set()
}

test_an_update_is_looked_at if {
	object := {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "type": "kubernetes.io/service-account-token"}
	violations := policy.warn with input as fixture.update(object, object)
	count(violations) == 1
}
