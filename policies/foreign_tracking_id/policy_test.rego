package lockkeeper.foreign_tracking_id_test

import data.lockkeeper.foreign_tracking_id as policy
import data.lockkeeper.lib.fixture

tracking := "argocd.argoproj.io/tracking-id"

config_map(metadata) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": object.union({"name": "settings"}, metadata)}

create(metadata) := fixture.with_parameters(fixture.create(config_map(metadata)), {"exemptSubjects": ["Group:platform"]})

marked := {"annotations": {tracking: "shop:/ConfigMap:shop/settings"}}

test_a_mark_written_by_hand_is_a_warning if {
	warnings := policy.warn with input as fixture.by(create(marked), "alice", [])
	warnings == {{
		"msg": `the user "alice" marks the object as part of the Application "shop", which only its controller does`,
		"path": "/metadata/annotations/argocd.argoproj.io~1tracking-id",
		"details": {"mark": tracking, "owner": "shop"},
		"remedy": {"text": "remove argocd.argoproj.io/tracking-id, and add the object in Git"},
	}}
}

test_the_labels_of_Flux[label] if {
	some label in ["kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"]
	warnings := policy.warn with input as fixture.by(create({"labels": {label: "shop"}}), "alice", [])
	{violation.details.mark | some violation in warnings} == {label}
}

test_who_writes_the_mark[name] if {
	some name, [username, groups, count_of_warnings] in {
		"an administrator": ["admin", ["system:masters"], 1],
		"an exempt group": ["bob", ["platform"], 0],
		"Argo CD": ["system:serviceaccount:argocd:argocd-application-controller", [], 0],
		"an account that Flux applies as": ["system:serviceaccount:shop:deployer", [], 0],
		"a controller": ["system:serviceaccount:kube-system:deployment-controller", [], 0],
		"a kubelet": ["system:node:worker-1", ["system:nodes"], 0],
	}
	warnings := policy.warn with input as fixture.by(create(marked), username, groups)
	count(warnings) == count_of_warnings
}

test_a_mark_that_was_there_is_not_judged if {
	request := fixture.update(config_map(object.union(marked, {"labels": {"a": "b"}})), config_map(marked))
	warnings := policy.warn with input as fixture.by(fixture.with_parameters(request, {"exemptSubjects": []}), "alice", [])
	warnings == set()
}

test_a_mark_that_changes_is_a_warning if {
	request := fixture.update(config_map({"annotations": {tracking: "other:/ConfigMap:shop/settings"}}), config_map(marked))
	warnings := policy.warn with input as fixture.by(fixture.with_parameters(request, {"exemptSubjects": []}), "alice", [])
	{violation.details.owner | some violation in warnings} == {"other"}
}

test_objects_without_marks_and_garbage_are_not_judged[name] if {
	some name, metadata in {
		"none": {},
		"other annotations": {"annotations": {"a": "b"}},
		"null": {"annotations": null, "labels": null},
		"a number": {"annotations": {tracking: 3}},
	}
	warnings := policy.warn with input as fixture.by(create(metadata), "alice", [])
	warnings == set()
}
