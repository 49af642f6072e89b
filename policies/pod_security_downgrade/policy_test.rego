package lockkeeper.pod_security_downgrade_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.pod_security_downgrade as policy

deployer := "system:serviceaccount:argocd:argocd-application-controller"

enforce := "pod-security.kubernetes.io/enforce"

pinned := "pod-security.kubernetes.io/enforce-version"

namespace(name, labels) := {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

parameters := {"privilegedNamespaces": ["cni", "storage-*"], "deployers": ["ServiceAccount:argocd/*"], "exemptSubjects": []}

change(old, new) := fixture.with_parameters(fixture.update(namespace("shop", new), namespace("shop", old)), parameters)

test_a_lower_level_set_by_hand_is_denied if {
	violations := policy.deny with input as fixture.by(change({enforce: "restricted"}, {enforce: "baseline"}), "alice", [])
	violations == {{
		"msg": `namespace "shop": the Pod Security level restricted becomes baseline`,
		"path": "/metadata/labels/pod-security.kubernetes.io~1enforce",
		"details": {"from": "restricted", "to": "baseline"},
		"remedy": {"text": "leave pod-security.kubernetes.io/enforce at restricted"},
	}}
}

test_a_lower_level_from_Git_is_a_warning if {
	request := fixture.by(change({enforce: "restricted"}, {enforce: "baseline"}), deployer, [])
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.paths(warnings) == {"/metadata/labels/pod-security.kubernetes.io~1enforce"}
}

test_a_lower_level_set_by_a_program_is_a_warning if {
	request := fixture.by(change({enforce: "restricted"}, {enforce: "baseline"}), "system:serviceaccount:ci:deployer", [])
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	count(warnings) == 1
}

test_a_label_taken_off_is_said_so if {
	violations := policy.deny with input as fixture.by(change({enforce: "restricted"}, {}), "alice", [])
	fixture.messages(violations) == {`namespace "shop": the Pod Security level restricted is taken off: nothing is enforced any more`}
	fixture.paths(violations) == {"/metadata/labels"}
}

test_a_level_that_is_set_to_privileged_later_is_a_warning if {
	request := fixture.by(change({"a": "b"}, {enforce: "privileged"}), "alice", [])
	warnings := policy.warn with input as request
	fixture.messages(warnings) == {`namespace "shop" gets the Pod Security level privileged: its pods may take over their nodes`}
}

test_changes_of_the_level[name] if {
	some name, [old, new, count_of_violations] in {
		"the label removed": [{enforce: "baseline"}, {}, 1],
		"no labels any more": [{enforce: "baseline"}, null, 1],
		"raised": [{enforce: "baseline"}, {enforce: "restricted"}, 0],
		"set for the first time": [{}, {enforce: "baseline"}, 0],
		"to privileged, as without the label": [{}, {enforce: "privileged"}, 0],
		"from an unknown level, which is enforced as restricted": [{enforce: "strict"}, {enforce: "baseline"}, 1],
		"to an unknown level": [{enforce: "baseline"}, {enforce: "strict"}, 0],
		"a warning only": [{enforce: "baseline"}, {enforce: "baseline", "pod-security.kubernetes.io/warn": "privileged"}, 0],
	}
	violations := policy.deny with input as fixture.by(change(old, new), "alice", [])
	count(violations) == count_of_violations
}

test_a_pinned_version_is_denied[name] if {
	some name, [old, new, count_of_violations] in {
		"pinned": [{enforce: "baseline"}, {enforce: "baseline", pinned: "v1.24"}, 1],
		"to the latest": [{enforce: "baseline"}, {enforce: "baseline", pinned: "latest"}, 0],
		"pinned before": [{enforce: "baseline", pinned: "v1.24"}, {enforce: "restricted", pinned: "v1.24"}, 0],
		"of nothing": [{}, {pinned: "v1.24"}, 0],
	}
	violations := policy.deny with input as fixture.by(change(old, new), "alice", [])
	count(violations) == count_of_violations
}

test_a_new_privileged_namespace_is_a_warning[name] if {
	some name, count_of_warnings in {"shop": 1, "cni": 0, "storage-1": 0, "cni2": 1}
	request := fixture.with_parameters(fixture.create(namespace(name, {enforce: "privileged"})), parameters)
	warnings := policy.warn with input as fixture.by(request, "alice", [])
	count(warnings) == count_of_warnings
	violations := policy.deny with input as fixture.by(request, "alice", [])
	violations == set()
}

test_a_new_namespace_without_the_label_is_not_judged[name] if {
	some name, labels in {"none": {}, "null": null, "baseline": {enforce: "baseline"}, "garbage": "x"}
	request := fixture.with_parameters(fixture.create(namespace("shop", labels)), parameters)
	warnings := policy.warn with input as request
	warnings == set()
}

test_namespaces_that_need_it_may_be_lowered if {
	request := fixture.update(namespace("cni", {enforce: "privileged"}), namespace("cni", {enforce: "baseline"}))
	violations := policy.deny with input as fixture.by(fixture.with_parameters(request, parameters), "alice", [])
	violations == set()
}
