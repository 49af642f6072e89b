package lockkeeper.protected_deletion_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.protected_deletion as policy

label := "policy.lockkeeper.dev/protected"

parameters := {
	"label": label,
	"protectedNamespaces": ["argocd", "prod-*"],
	"deployers": ["ServiceAccount:argocd/*"],
	"exemptSubjects": ["Group:oncall"],
}

deployer := "system:serviceaccount:argocd:argocd-application-controller"

object_of(version, kind, name, labels) := {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": labels}}

claim(labels) := object_of("v1", "PersistentVolumeClaim", "data", labels)

deleted(object_under_review) := fixture.by(fixture.with_parameters(fixture.delete(object_under_review), parameters), "alice", [])

test_a_labelled_object_is_denied_whoever_deletes_it[username] if {
	some username in ["alice", deployer]
	violations := policy.deny with input as fixture.by(deleted(claim({label: "true"})), username, [])
	violations == {{
		"msg": "the PersistentVolumeClaim data is protected by the label policy.lockkeeper.dev/protected",
		"path": "",
		"details": {"change": "deleted"},
		"remedy": {"text": "take the label off in Git first"},
	}}
	warnings := policy.warn with input as fixture.by(deleted(claim({label: "true"})), username, [])
	warnings == set()
}

test_namespaces[name] if {
	some name, [denied, warned] in {"argocd": [1, 0], "prod-shop": [1, 0], "shop": [0, 1], "argocd2": [0, 1]}
	request := deleted(object_of("v1", "Namespace", name, {}))
	violations := policy.deny with input as request
	count(violations) == denied
	warnings := policy.warn with input as request
	count(warnings) == warned
}

test_a_claim_named_like_a_protected_namespace_is_a_warning if {
	warnings := policy.warn with input as deleted(object_of("v1", "PersistentVolumeClaim", "argocd", {}))
	fixture.messages(warnings) == {"the PersistentVolumeClaim argocd is deleted: its volume and data may go with it"}
}

test_what_keeps_data_is_a_warning_in_Git_too[kind] if {
	some kind, version in {"PersistentVolume": "v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1", "Namespace": "v1"}
	warnings := policy.warn with input as fixture.by(deleted(object_of(version, kind, "x", null)), deployer, [])
	count(warnings) == 1
}

test_a_volume_that_is_not_used_is_not_judged[name] if {
	some name, [kind, phase, count_of_warnings] in {
		"a free volume": ["PersistentVolume", "Available", 0],
		"a released one": ["PersistentVolume", "Released", 1],
		"a waiting claim": ["PersistentVolumeClaim", "Pending", 0],
		"a bound one": ["PersistentVolumeClaim", "Bound", 1],
	}
	warnings := policy.warn with input as deleted(object.union(object_of("v1", kind, "x", {}), {"status": {"phase": phase}}))
	count(warnings) == count_of_warnings
}

test_what_guards_a_namespace_is_a_warning_by_hand[kind] if {
	some kind, version in {"ResourceQuota": "v1", "LimitRange": "v1", "NetworkPolicy": "networking.k8s.io/v1", "PodDisruptionBudget": "policy/v1"}
	request := deleted(object_of(version, kind, "x", {}))
	by_hand := policy.warn with input as request
	count(by_hand) == 1
	from_git := policy.warn with input as fixture.by(request, deployer, [])
	from_git == set()
}

test_the_label_taken_off_by_hand_is_denied if {
	request := fixture.with_parameters(fixture.update(claim({label: "false"}), claim({label: "true"})), parameters)
	by_hand := policy.deny with input as fixture.by(request, "alice", [])
	fixture.paths(by_hand) == {"/metadata/labels"}
	from_git := policy.deny with input as fixture.by(request, deployer, [])
	from_git == set()
	kept := policy.deny with input as fixture.by(fixture.with_parameters(fixture.update(claim({label: "true", "a": "b"}), claim({label: "true"})), parameters), "alice", [])
	kept == set()
}

test_the_system_and_exempt_subjects_may_delete[name] if {
	some name, [username, groups] in {
		"the controller of namespaces": ["system:serviceaccount:kube-system:namespace-controller", []],
		"people on call": ["bob", ["oncall"]],
	}
	request := fixture.by(deleted(claim({label: "true"})), username, groups)
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as fixture.by(deleted(claim({})), username, groups)
	warnings == set()
}

test_other_kinds_and_groups_are_not_judged[name] if {
	some name, [version, kind] in {"a Deployment": ["apps/v1", "Deployment"], "a NetworkPolicy of somebody else": ["example.com/v1", "NetworkPolicy"]}
	warnings := policy.warn with input as deleted(object_of(version, kind, "x", {}))
	warnings == set()
	violations := policy.deny with input as deleted(object_of(version, kind, "x", {}))
	violations == set()
}
