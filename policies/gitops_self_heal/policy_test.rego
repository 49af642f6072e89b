package lockkeeper.gitops_self_heal_test

import data.lockkeeper.gitops_self_heal as policy
import data.lockkeeper.lib.fixture

update(kind, group, old, new) := fixture.update(
	{"apiVersion": concat("/", [group, "v1"]), "kind": kind, "metadata": {"name": "shop"}, "spec": new},
	{"apiVersion": concat("/", [group, "v1"]), "kind": kind, "metadata": {"name": "shop"}, "spec": old},
)

application(old, new) := update("Application", "argoproj.io", old, new)

kustomization(old, new) := update("Kustomization", "kustomize.toolkit.fluxcd.io", old, new)

automated(settings) := {"syncPolicy": {"automated": settings}}

changes(violations) := {violation.details.change | some violation in violations}

test_self_heal_switched_off_is_a_warning if {
	warnings := policy.warn with input as application(automated({"prune": true, "selfHeal": true}), automated({"prune": true}))
	warnings == {{
		"msg": "selfHeal is switched off: what is changed behind Git's back stays until the next commit",
		"path": "/spec/syncPolicy/automated",
		"details": {"change": "selfHeal"},
		"remedy": {"text": "switch it on again, or end the pause at a time that is written down"},
	}}
}

test_changes_of_an_Application[name] if {
	some name, [old, new, wanted] in {
		"automated sync removed": [automated({"selfHeal": true}), {"syncPolicy": {}}, {"automated"}],
		"the policy removed": [automated({}), {}, {"automated"}],
		"disabled by name": [automated({}), automated({"enabled": false}), {"automated"}],
		"disabled before": [automated({"enabled": false}), {}, set()],
		"never automated": [{}, {"syncPolicy": {"syncOptions": ["Replace=true"]}}, set()],
		"switched on": [{}, automated({"selfHeal": true}), set()],
		"differences ignored": [{}, {"ignoreDifferences": [{"kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]}, {"ignoreDifferences"}],
		"differences ignored before": [{"ignoreDifferences": [{"kind": "Deployment"}]}, {"ignoreDifferences": [{"kind": "Deployment"}]}, set()],
		"garbage": ["x", {"ignoreDifferences": ["x"], "syncPolicy": "x"}, set()],
	}
	warnings := policy.warn with input as application(old, new)
	changes(warnings) == wanted
}

test_the_template_of_an_ApplicationSet if {
	warnings := policy.warn with input as update(
		"ApplicationSet", "argoproj.io",
		{"template": {"spec": automated({"selfHeal": true})}},
		{"template": {"spec": automated({"selfHeal": false})}},
	)
	fixture.paths(warnings) == {"/spec/template/spec/syncPolicy/automated"}
}

test_changes_of_Flux_objects[name] if {
	some name, [kind, group, old, new, wanted] in {
		"suspended": ["Kustomization", "kustomize.toolkit.fluxcd.io", {}, {"suspend": true}, {"suspend"}],
		"a source suspended": ["GitRepository", "source.toolkit.fluxcd.io", {"suspend": false}, {"suspend": true}, {"suspend"}],
		"suspended before": ["HelmRelease", "helm.toolkit.fluxcd.io", {"suspend": true}, {"suspend": true}, set()],
		"resumed": ["HelmRelease", "helm.toolkit.fluxcd.io", {"suspend": true}, {}, set()],
		"no drift detection": ["HelmRelease", "helm.toolkit.fluxcd.io", {"driftDetection": {"mode": "enabled"}}, {}, {"driftDetection"}],
		"only warned of drift": ["HelmRelease", "helm.toolkit.fluxcd.io", {"driftDetection": {"mode": "enabled"}}, {"driftDetection": {"mode": "warn"}}, {"driftDetection"}],
		"drift detected": ["HelmRelease", "helm.toolkit.fluxcd.io", {}, {"driftDetection": {"mode": "warn"}}, set()],
		"a rule to ignore": ["Kustomization", "kustomize.toolkit.fluxcd.io", {}, {"ignore": [{"paths": ["/spec"]}]}, {"ignore"}],
		"another rule": ["Kustomization", "kustomize.toolkit.fluxcd.io", {"ignore": [{"paths": ["/a"]}]}, {"ignore": [{"paths": ["/b"]}]}, {"ignore"}],
		"the same rule": ["Kustomization", "kustomize.toolkit.fluxcd.io", {"ignore": [{"paths": ["/a"]}]}, {"ignore": [{"paths": ["/a"]}]}, set()],
		"drift ignored": ["HelmRelease", "helm.toolkit.fluxcd.io", {}, {"driftDetection": {"mode": "enabled", "ignore": [{"paths": ["/a"]}]}}, {"ignore"}],
		"files left out of an artifact": ["GitRepository", "source.toolkit.fluxcd.io", {}, {"ignore": "/docs"}, set()],
		"a gate suspended": ["ArtifactGate", "lockkeeper.dev", {}, {"suspend": true}, {"suspend"}],
		"drift detection null": ["HelmRelease", "helm.toolkit.fluxcd.io", {"driftDetection": null}, {"driftDetection": null}, set()],
	}
	warnings := policy.warn with input as update(kind, group, old, new)
	changes(warnings) == wanted
}

test_pruning_switched_off[name] if {
	some name, [old, new, wanted] in {
		"off": [{"prune": true}, {"prune": false}, {"prune"}],
		"absent": [{"prune": true}, {}, {"prune"}],
		"never on": [{"prune": false}, {}, set()],
	}
	warnings := policy.warn with input as kustomization(old, new)
	changes(warnings) == wanted
}

held(request, username) := fixture.by(
	fixture.with_parameters(
		fixture.with_review(request, {"namespace": "shop"}),
		{"gatedNamespaces": ["shop"], "deployers": ["ServiceAccount:flux-system/kustomize-controller"], "exemptSubjects": ["User:on-call"]},
	),
	username, [],
)

test_in_a_gated_namespace_it_is_denied[username] if {
	some username, count_of_violations in {
		"alice": 1,
		"on-call": 0,
		"system:serviceaccount:flux-system:kustomize-controller": 0,
		"system:serviceaccount:ci:deployer": 1,
	}
	request := held(kustomization({}, {"suspend": true}), username)
	violations := policy.deny with input as request
	count(violations) == count_of_violations
	warnings := policy.warn with input as request
	count(warnings) == 1 - count_of_violations
}

test_an_Application_there_is_warned_of if {
	request := held(application(automated({"selfHeal": true}), automated({})), "alice")
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	changes(warnings) == {"selfHeal"}
}

test_a_kind_of_differences_is_named if {
	warnings := policy.warn with input as application({}, {"ignoreDifferences": [{"group": "apps", "kind": "Deployment"}, {"name": "x"}]})
	fixture.messages(warnings) == {
		"differences of Deployment are ignored from now on: a change of these fields is neither shown nor corrected",
		"differences of some objects are ignored from now on: a change of these fields is neither shown nor corrected",
	}
}
