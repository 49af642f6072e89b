package lockkeeper.api_service_test

import data.lockkeeper.api_service as policy
import data.lockkeeper.lib.fixture

deployer := "system:serviceaccount:argocd:argocd-application-controller"

object_of(spec) := {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.x"}, "spec": spec}

parameters := {"deployers": ["ServiceAccount:argocd/*"], "exemptSubjects": []}

create(spec) := fixture.with_parameters(fixture.create(object_of(spec)), parameters)

update(old, new) := fixture.with_parameters(fixture.update(object_of(new), object_of(old)), parameters)

elsewhere := {"group": "widgets.example.com", "service": {"namespace": "a", "name": "b"}}

test_a_built_in_group_is_denied if {
	violations := policy.deny with input as create(object.union(elsewhere, {"group": "apps"}))
	violations == {{
		"msg": "the built-in API group apps would be served by the Service a/b",
		"path": "/spec/service",
		"details": {"group": "apps"},
		"remedy": {"text": "leave the groups of Kubernetes to the API server; choose a group of your own"},
	}}
}

test_the_core_group_is_denied if {
	violations := policy.deny with input as create(object.union(elsewhere, {"group": ""}))
	fixture.messages(violations) == {`the built-in API group "" (core) would be served by the Service a/b`}
}

test_a_group_without_a_service_is_the_API_servers_own[name] if {
	some name, service in {"absent": {}, "null": {"service": null}}
	violations := policy.deny with input as create(object.union({"group": "apps"}, service))
	violations == set()
}

test_other_groups_are_allowed[group] if {
	some group in ["metrics.k8s.io", "custom.metrics.k8s.io", "widgets.example.com", "apps.example.com"]
	violations := policy.deny with input as create(object.union(elsewhere, {"group": group}))
	violations == set()
	warnings := policy.warn with input as create(object.union(elsewhere, {"group": group}))
	warnings == set()
}

test_a_server_that_is_not_verified_is_a_warning if {
	warnings := policy.warn with input as create(object.union(elsewhere, {"insecureSkipTLSVerify": true}))
	fixture.paths(warnings) == {"/spec/insecureSkipTLSVerify"}
}

test_another_service_set_by_hand_is_a_warning if {
	change := update(elsewhere, object.union(elsewhere, {"service": {"name": "c"}}))
	by_hand := policy.warn with input as fixture.by(change, "alice", [])
	fixture.messages(by_hand) == {`the user "alice" moves the API group widgets.example.com to the Service a/c`}
	from_git := policy.warn with input as fixture.by(change, deployer, [])
	from_git == set()
}

test_the_default_port_written_out_is_no_change if {
	change := update(elsewhere, object.union(elsewhere, {"service": {"port": 443}}))
	warnings := policy.warn with input as fixture.by(change, "alice", [])
	warnings == set()
}
