package lockkeeper.gitops_configuration_test

import data.lockkeeper.gitops_configuration as policy
import data.lockkeeper.lib.fixture

parameters := {"substitutes": ["cluster-settings"], "deployers": ["ServiceAccount:argocd/*"], "exemptSubjects": []}

config_map(name, content) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": content}

secret(name, labels) := {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "data": {"a": "YQ=="}}

given(request) := fixture.with_parameters(request, parameters)

by_alice(request) := fixture.by(given(request), "alice", [])

test_an_open_door_is_a_warning_whoever_opens_it if {
	violations := policy.warn with input as given(fixture.create(config_map("argocd-cm", {"users.anonymous.enabled": "true"})))
	violations == {{
		"msg": "users.anonymous.enabled: whoever reaches Argo CD's address has the rights of policy.default without logging in",
		"path": "/data/users.anonymous.enabled",
		"details": {"key": "users.anonymous.enabled"},
		"remedy": {"text": "remove users.anonymous.enabled"},
	}}
}

test_everybody_an_administrator_is_denied if {
	violations := policy.deny with input as given(fixture.create(config_map("argocd-rbac-cm", {"policy.default": "role:admin"})))
	fixture.paths(violations) == {"/data/policy.default"}
}

test_settings_that_open_nothing[name] if {
	some name, object_under_review in {
		"nobody anonymous": config_map("argocd-cm", {"users.anonymous.enabled": "false"}),
		"readers": config_map("argocd-rbac-cm", {"policy.default": "role:readonly"}),
		"another ConfigMap": config_map("settings", {"users.anonymous.enabled": "true", "policy.default": "role:admin"}),
		"null": config_map("argocd-cm", null),
	}
	violations := policy.deny with input as given(fixture.create(object_under_review))
	violations == set()
	warnings := policy.warn with input as given(fixture.create(object_under_review))
	warnings == set()
}

test_what_was_open_before_is_not_judged if {
	old := config_map("argocd-cm", {"users.anonymous.enabled": "true", "exec.enabled": "true"})
	new := config_map("argocd-cm", {"users.anonymous.enabled": "true", "exec.enabled": "true", "url": "x"})
	violations := policy.deny with input as given(fixture.update(new, old))
	violations == set()
	warnings := policy.warn with input as given(fixture.update(new, old))
	warnings == set()
	admin := config_map("argocd-rbac-cm", {"policy.default": "role:admin"})
	defaults := policy.deny with input as given(fixture.update(object.union(admin, {"data": {"a": "b"}}), admin))
	defaults == set()
}

test_shells_in_the_web_page_are_a_warning if {
	warnings := policy.warn with input as given(fixture.create(config_map("argocd-cm", {"exec.enabled": "true"})))
	fixture.paths(warnings) == {"/data/exec.enabled"}
}

test_what_is_changed_by_hand_is_a_warning[name] if {
	some name, [object_under_review, message] in {
		"who may what": [config_map("argocd-rbac-cm", {}), `the user "alice" creates the ConfigMap argocd-rbac-cm: it says who may do what with Argo CD`],
		"the key of sessions": [secret("argocd-secret", {}), `the user "alice" creates the Secret argocd-secret: it holds the key that Argo CD signs sessions with`],
		"a cluster": [
			secret("b", {"argocd.argoproj.io/secret-type": "cluster"}),
			`the user "alice" creates the cluster of Argo CD b: it says where Argo CD deploys to, or what it deploys from`,
		],
		"a value for manifests": [config_map("cluster-settings", {}), `the user "alice" creates the ConfigMap cluster-settings: Flux puts its values into the manifests it applies`],
		"what Flux watches": [
			secret("x", {"reconcile.fluxcd.io/watch": "Enabled"}),
			`the user "alice" creates the Secret x: Flux puts its values into the manifests it applies`,
		],
	}
	warnings := policy.warn with input as by_alice(fixture.create(object_under_review))
	fixture.messages(warnings) == {message}
}

test_a_deleted_one_is_a_warning if {
	warnings := policy.warn with input as by_alice(fixture.delete(secret("b", {"argocd.argoproj.io/secret-type": "repository"})))
	fixture.messages(warnings) == {`the user "alice" deletes the repository of Argo CD b: it says where Argo CD deploys to, or what it deploys from`}
}

in_a_gated_namespace(request) := fixture.with_parameters(fixture.with_review(by_alice(request), {"namespace": "shop"}), {"gatedNamespaces": ["shop"]})

test_values_of_gated_manifests_are_denied[name] if {
	watched := secret("x", {"reconcile.fluxcd.io/watch": "Enabled"})
	some name, request in {
		"a new one": fixture.create(config_map("cluster-settings", {})),
		"another value": fixture.update(config_map("cluster-settings", {"a": "b"}), config_map("cluster-settings", {"a": "c"})),
		"deleted": fixture.delete(config_map("cluster-settings", {})),
		"what Flux watches": fixture.create(watched),
		"no longer watched": fixture.update(secret("x", {}), watched),
	}
	violations := policy.deny with input as in_a_gated_namespace(request)
	count(violations) == 1
	warnings := policy.warn with input as in_a_gated_namespace(request)
	warnings == set()
}

test_other_values_in_a_gated_namespace_are_not_denied[name] if {
	some name, request in {
		"a ConfigMap of an application": fixture.create(config_map("web", {})),
		"a label": fixture.update(config_map("cluster-settings", {"a": "b"}), object.union(config_map("cluster-settings", {"a": "b"}), {"metadata": {"labels": {"a": "b"}}})),
		"what Argo CD has": fixture.create(config_map("argocd-rbac-cm", {})),
	}
	violations := policy.deny with input as in_a_gated_namespace(request)
	violations == set()
}

test_values_from_Git_are_allowed_in_a_gated_namespace if {
	request := in_a_gated_namespace(fixture.create(config_map("cluster-settings", {})))
	from_git := fixture.by(request, "system:serviceaccount:argocd:argocd-application-controller", [])
	violations := policy.deny with input as from_git
	violations == set()
}

test_this_is_usual[name] if {
	some name, request in {
		"another Secret": by_alice(fixture.create(secret("web", {}))),
		"another ConfigMap": by_alice(fixture.create(config_map("web", {}))),
		"a label": by_alice(fixture.update(secret("argocd-secret", {"a": "b"}), secret("argocd-secret", {}))),
		"from Git": fixture.by(given(fixture.create(config_map("argocd-rbac-cm", {}))), "system:serviceaccount:argocd:argocd-application-controller", []),
	}
	warnings := policy.warn with input as request
	warnings == set()
}
