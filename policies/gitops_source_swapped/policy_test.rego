package lockkeeper.gitops_source_swapped_test

import data.lockkeeper.gitops_source_swapped as policy
import data.lockkeeper.lib.fixture

parameters := {"deployers": ["ServiceAccount:argocd/*", "ServiceAccount:flux-system/*"], "exemptSubjects": ["User:robot"]}

kustomize_controller := "system:serviceaccount:flux-system:kustomize-controller"

update(kind, old, new) := fixture.with_parameters(
	fixture.update(
		{"apiVersion": "x.example.com/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": new},
		{"apiVersion": "x.example.com/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": old},
	),
	parameters,
)

by_alice(kind, old, new) := fixture.by(update(kind, old, new), "alice", [])

test_another_repository_set_by_hand_is_a_warning if {
	warnings := policy.warn with input as by_alice("Application", {"source": {"repoURL": "a"}}, {"source": {"repoURL": "b"}})
	warnings == {{
		"msg": `the user "alice" changes source of the Application: what is there runs next, with the deployer's rights`,
		"path": "/spec/source",
		"details": {"field": "source"},
		"remedy": {"text": "make the change in Git, where it is reviewed"},
	}}
}

test_who_changes_it[username] if {
	some username, count_of_warnings in {
		"alice": 1,
		"system:serviceaccount:argocd2:argocd-server": 1,
		"robot": 0,
		"system:serviceaccount:argocd:argocd-application-controller": 0,
		"system:serviceaccount:kube-system:generic-garbage-collector": 0,
	}
	request := update("Application", {"source": {"repoURL": "a"}}, {"source": {"repoURL": "b"}})
	warnings := policy.warn with input as fixture.by(request, username, [])
	count(warnings) == count_of_warnings
}

test_fields[name] if {
	some name, [kind, old, new, fields] in {
		"project and destination": ["Application", {"project": "a", "destination": {"namespace": "a"}}, {"project": "b", "destination": {"namespace": "b"}}, {"project", "destination"}],
		"the template of a set": ["ApplicationSet", {"template": {"spec": {"source": {"path": "a"}}}}, {"template": {"spec": {"source": {"path": "b"}}}}, {"template.spec.source"}],
		"the generators of a set": ["ApplicationSet", {"generators": []}, {"generators": [{"list": {}}]}, {"generators"}],
		"source, path and account": ["Kustomization", {"path": "a"}, {"path": "b", "sourceRef": {"name": "x"}, "serviceAccountName": "y"}, {"path", "sourceRef", "serviceAccountName"}],
		"patches put in": ["Kustomization", {}, {"patches": [{"patch": "x"}]}, {"patches"}],
		"values of a release": ["HelmRelease", {"values": {"a": 1}}, {"values": {"a": 2}}, {"values"}],
		"the branch": ["GitRepository", {"ref": {"branch": "a"}}, {"ref": {"branch": "b"}}, {"ref"}],
		"signatures": ["OCIRepository", {"verify": {"provider": "cosign"}}, {}, {"verify"}],
		"the version of a chart": ["HelmChart", {"version": "1"}, {"version": "2"}, {"version"}],
		"the bucket": ["Bucket", {"bucketName": "a"}, {"bucketName": "b"}, {"bucketName"}],
		"the owner of an artifact": ["ExternalArtifact", {"sourceRef": {"name": "a"}}, {"sourceRef": {"name": "b"}}, {"sourceRef"}],
		"where it is applied": ["Kustomization", {}, {"targetNamespace": "x"}, {"targetNamespace"}],
		"components and prefixes": ["Kustomization", {}, {"components": ["x"], "namePrefix": "a", "nameSuffix": "b", "commonMetadata": {}}, {"components", "namePrefix", "nameSuffix", "commonMetadata"}],
		"where a release is": ["HelmRelease", {}, {"targetNamespace": "x"}, {"targetNamespace"}],
		"what a gate judges": ["ArtifactGate", {"kustomizations": [{"name": "a"}, {"name": "b"}]}, {"kustomizations": [{"name": "a"}], "sourceRef": {"name": "x"}, "paths": ["y"]}, {"kustomizations", "sourceRef", "paths"}],
		"how often": ["Kustomization", {"interval": "1m"}, {"interval": "5m"}, set()],
		"the sync policy": ["Application", {"syncPolicy": {}}, {"syncPolicy": {"automated": {}}}, set()],
	}
	warnings := policy.warn with input as by_alice(kind, old, new)
	{violation.details.field | some violation in warnings} == fields
}

flux_object(kind, old, new) := fixture.with_parameters(
	fixture.with_review(
		fixture.update(
			{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": new},
			{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": kind, "metadata": {"name": "shop"}, "spec": old},
		),
		{"namespace": "shop"},
	),
	object.union(parameters, {"gatedNamespaces": ["shop"]}),
)

test_in_a_gated_namespace_it_is_denied[username] if {
	some username, count_of_violations in {"alice": 1, kustomize_controller: 0}
	request := fixture.by(flux_object("Kustomization", {"sourceRef": {"name": "a"}}, {"sourceRef": {"name": "b"}}), username, [])
	violations := policy.deny with input as request
	count(violations) == count_of_violations
	warnings := policy.warn with input as request
	warnings == set()
}

test_an_Application_there_is_warned_of if {
	request := fixture.with_parameters(by_alice("Application", {"project": "a"}, {"project": "b"}), {"gatedNamespaces": ["*"]})
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	count(warnings) == 1
}

test_null_is_no_change if {
	warnings := policy.warn with input as by_alice("Kustomization", {"patches": null}, {})
	warnings == set()
}

test_signatures_no_longer_checked_are_a_warning_in_Git_too if {
	request := fixture.by(update("GitRepository", {"verify": {"mode": "HEAD"}}, {}), kustomize_controller, [])
	warnings := policy.warn with input as request
	fixture.messages(warnings) == {"verify is taken out: commits and artifacts are no longer checked with it"}
}

test_other_keys_in_Git_are_not_judged if {
	request := fixture.by(update("GitRepository", {"verify": {"mode": "HEAD"}, "ref": {"branch": "a"}}, {"verify": {"mode": "TagAndHEAD"}}), kustomize_controller, [])
	warnings := policy.warn with input as request
	warnings == set()
}

test_garbage_is_not_judged if {
	warnings := policy.warn with input as by_alice("Application", "x", null)
	warnings == set()
}
