package lockkeeper.seccomp_profile_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.seccomp_profile as policy

unconfined := {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}

pod_key := "seccomp.security.alpha.kubernetes.io/pod"

test_an_unconfined_container_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.container(unconfined)
	violations == {{
		"msg": `container "web" may make every system call: its seccompProfile is neither RuntimeDefault nor Localhost`,
		"path": "/spec/containers/0/securityContext/seccompProfile/type",
		"details": {"container": "web"},
		"remedy": {
			"text": "set seccompProfile.type to RuntimeDefault",
			"patch": [{
				"op": "replace",
				"path": "/spec/containers/0/securityContext/seccompProfile",
				"value": {"type": "RuntimeDefault"},
			}],
		},
	}}
}

test_the_pod_and_every_list_of_containers_is_looked_at if {
	violations := policy.deny with input as fixture.pod(object.union(
		unconfined,
		{"initContainers": [unconfined], "ephemeralContainers": [unconfined]},
	))
	fixture.paths(violations) == {
		"/spec/securityContext/seccompProfile/type",
		"/spec/initContainers/0/securityContext/seccompProfile/type",
		"/spec/ephemeralContainers/0/securityContext/seccompProfile/type",
	}
}

test_this_is_allowed[name] if {
	some name, profile in {
		"the profile of the runtime": {"type": "RuntimeDefault"},
		"a profile of the node": {"type": "Localhost", "localhostProfile": "profiles/web.json"},
		"null": null,
	}
	violations := policy.deny with input as fixture.container({"securityContext": {"seccompProfile": profile}})
	violations == set()
}

test_a_profile_without_a_type_is_denied if {
	violations := policy.deny with input as fixture.container({"securityContext": {"seccompProfile": {}}})
	count(violations) == 1
}

annotated(annotations) := fixture.in_namespace(
	fixture.create({
		"apiVersion": "v1",
		"kind": "Pod",
		"metadata": {"name": "web", "annotations": annotations},
		"spec": {"containers": [object.union({"name": "web"}, unconfined)]},
	}),
	{"enforce": "baseline", "enforce-version": "v1.18"},
)

test_before_1_19_annotations_counted_and_fields_did_not if {
	violations := policy.deny with input as annotated({pod_key: "unconfined"})
	violations == {{
		"msg": "the annotation seccomp.security.alpha.kubernetes.io/pod is unconfined: every system call may be made",
		"path": "/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod",
		"details": {"annotation": pod_key},
		"remedy": {
			"text": "set the annotation to runtime/default",
			"patch": [{
				"op": "replace",
				"path": "/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod",
				"value": "runtime/default",
			}],
		},
	}}
}

test_before_1_19_an_annotation_named_a_container if {
	violations := policy.deny with input as annotated({
		"container.seccomp.security.alpha.kubernetes.io/web": "unconfined",
		"container.seccomp.security.alpha.kubernetes.io/gone": "unconfined",
	})
	fixture.paths(violations) == {"/metadata/annotations/container.seccomp.security.alpha.kubernetes.io~1web"}
}

test_before_1_19_this_annotation_was_allowed[value] if {
	some value in ["runtime/default", "docker/default", "localhost/web.json"]
	violations := policy.deny with input as annotated({pod_key: value, "team": "unconfined"})
	violations == set()
}

test_since_1_19_annotations_mean_nothing if {
	violations := policy.deny with input as fixture.create({
		"apiVersion": "v1",
		"kind": "Pod",
		"metadata": {"name": "web", "annotations": {pod_key: "unconfined"}},
		"spec": {"containers": [{"name": "web"}]},
	})
	violations == set()
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [unconfined]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/securityContext/seccompProfile/type"])}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container(unconfined)
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
