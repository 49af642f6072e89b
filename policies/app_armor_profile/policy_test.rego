package lockkeeper.app_armor_profile_test

import data.lockkeeper.app_armor_profile as policy
import data.lockkeeper.lib.fixture

key := "container.apparmor.security.beta.kubernetes.io/web"

pointer := "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1web"

unconfined := {"appArmorProfile": {"type": "Unconfined"}}

annotated(value, security_context) := fixture.create({
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "web", "annotations": {key: value, "team": "shop"}},
	"spec": {"containers": [{"name": "db"}, {"name": "web", "securityContext": security_context}]},
})

test_an_unconfined_container_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.container({"securityContext": unconfined})
	violations == {{
		"msg": `container "web" is not confined by AppArmor`,
		"path": "/spec/containers/0/securityContext/appArmorProfile",
		"details": {"container": "web"},
		"remedy": {
			"text": "remove the profile: the container runtime's own then applies",
			"patch": [{"op": "remove", "path": "/spec/containers/0/securityContext/appArmorProfile"}],
		},
	}}
}

test_the_pod_and_every_list_of_containers_is_looked_at if {
	violations := policy.deny with input as fixture.pod({
		"securityContext": unconfined,
		"containers": [{"name": "web"}],
		"initContainers": [{"name": "i", "securityContext": unconfined}],
		"ephemeralContainers": [{"name": "e", "securityContext": unconfined}],
	})
	fixture.paths(violations) == {
		"/spec/securityContext/appArmorProfile",
		"/spec/initContainers/0/securityContext/appArmorProfile",
		"/spec/ephemeralContainers/0/securityContext/appArmorProfile",
	}
}

# The API server copies the annotation to the field: with and without the copy it is the same violation.
test_an_annotation_is_denied_once if {
	raw := policy.deny with input as annotated("unconfined", {})
	defaulted := policy.deny with input as annotated("unconfined", unconfined)
	fixture.paths(raw) == {pointer}
	fixture.paths(defaulted) == {pointer}
	fixture.messages(raw) == {`container "web" is not confined by AppArmor`}
	fixture.messages(defaulted) == fixture.messages(raw)
	patches := {[operation.path | some operation in violation.remedy.patch] | some violation in defaulted}
	patches == {[pointer, "/spec/containers/1/securityContext/appArmorProfile"]}
}

test_this_annotation_is_allowed[value] if {
	some value in ["", "runtime/default", "localhost/web"]
	violations := policy.deny with input as annotated(value, {})
	violations == set()
}

test_this_annotation_is_denied[value] if {
	some value in ["unconfined", "localhost", "Runtime/Default", "x"]
	violations := policy.deny with input as annotated(value, {})
	fixture.paths(violations) == {pointer}
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"the profile of the runtime": {"appArmorProfile": {"type": "RuntimeDefault"}},
		"a profile of the node": {"appArmorProfile": {"type": "Localhost", "localhostProfile": "web"}},
		"null": {"appArmorProfile": null},
		"nothing": {},
		"no securityContext": null,
	}
	violations := policy.deny with input as fixture.container({"securityContext": security_context})
	violations == set()
}

test_the_annotations_of_a_template_count_and_those_of_its_workload_do_not if {
	violations := policy.deny with input as fixture.create({
		"apiVersion": "apps/v1",
		"kind": "Deployment",
		"metadata": {"name": "web", "annotations": {key: "unconfined"}},
		"spec": {"template": {"metadata": {"annotations": {key: "unconfined"}}, "spec": {"containers": [{"name": "web"}]}}},
	})
	fixture.paths(violations) == {concat("", ["/spec/template", pointer])}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"name": "web", "securityContext": unconfined}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/securityContext/appArmorProfile"])}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container({"securityContext": unconfined})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
