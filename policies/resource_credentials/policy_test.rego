package lockkeeper.resource_credentials_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.resource_credentials as policy

# Put together here, so that scanners of repositories find no token in this file.
github_token := concat("", ["ghp", "_0123456789abcdefghijABCDEFGHIJ012345"])

application(spec) := fixture.create({
	"apiVersion": "argoproj.io/v1alpha1",
	"kind": "Application",
	"metadata": {"name": "shop", "namespace": "argocd"},
	"spec": spec,
})

denied(object) := violations if {
	violations := policy.deny with input as object
}

test_a_token_in_helm_values_is_denied if {
	denied(application({"source": {"helm": {"values": concat("", ["auth:\n  value: ", github_token, "\n"])}}})) == {{
		"msg": "spec of this Application holds a GitHub token in plain text",
		"path": "/spec",
		"details": {"credential": "a GitHub token"},
		"remedy": {"text": concat("", [
			"keep the value in a Secret and refer to it by name, ",
			"and replace the credential: everybody who could read the object has it",
		])},
	}}
}

test_a_token_in_an_annotation_is_denied if {
	object := fixture.create({
		"apiVersion": "networking.k8s.io/v1",
		"kind": "Ingress",
		"metadata": {"name": "shop", "annotations": {
			"example.com/hook": concat("", ["https://shop:", "hunter2", "@hooks.example.com"]),
			"kubectl.kubernetes.io/last-applied-configuration": github_token,
		}},
	})
	violations := denied(object)
	fixture.paths(violations) == {"/metadata/annotations/example.com~1hook"}
	fixture.messages(violations) == {"metadata/annotations/example.com~1hook of this Ingress holds a URL with a password in plain text"}
}

test_no_value_is_printed if {
	findings := denied(application({"source": {"helm": {"parameters": [{"name": "auth", "value": github_token}]}}}))
	count(findings) == 1
	not contains(json.marshal(findings), substring(github_token, 5, 10))
}

test_lists_outside_spec_are_looked_at if {
	violations := denied(fixture.create({"apiVersion": "example.com/v1", "kind": "Hooks", "metadata": {"name": "x"}, "hooks": [github_token]}))
	fixture.paths(violations) == {"/hooks"}
}

test_this_is_not_looked_at[name] if {
	some name, object in {
		"a Secret": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"token": github_token}},
		"a ConfigMap": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"token": github_token}},
		"a workload": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"args": [github_token]}]}},
		"a review of a token": {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {"name": "x"}, "spec": {"token": github_token}},
		"a status": {"apiVersion": "example.com/v1", "kind": "Hook", "metadata": {"name": "x"}, "status": {"token": github_token}},
		"a definition": {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": {"example": github_token}},
	}
	denied(fixture.create(object)) == set()
}

test_this_is_no_credential[name] if {
	some name, spec in {
		"a reference": {"secretRef": {"name": "shop-db"}},
		"a template": {"url": "postgres://shop:${PASSWORD}@db/shop"},
		"an e-mail address": {"owner": "Shop <shop@example.com>"},
		"a certificate": {"caBundle": "-----BEGIN CERTIFICATE-----\nMIID"},
		"nothing": null,
	}
	denied(application(spec)) == set()
}

test_parameters_ignore_kinds if {
	object := application({"token": github_token})
	violations := policy.deny with input as fixture.with_parameters(object, {"ignoredKinds": ["Application.argoproj.io"]})
	violations == set()
}
