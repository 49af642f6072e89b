package lockkeeper.lib.flux_gate_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.flux_gate

request(object_under_review, namespace) := fixture.with_parameters(
	fixture.with_review(fixture.create(object_under_review), {"namespace": namespace}),
	{"gatedNamespaces": ["shop"]},
)

test_namespaces_by_name_and_by_ending[name] if {
	some name, [entries, namespace, wanted] in {
		"the name": [["shop"], "shop", {true}],
		"one of several": [["web", "shop"], "shop", {true}],
		"another name": [["shop"], "shop-dev", set()],
		"any ending": [["team-*"], "team-a", {true}],
		"another beginning": [["team-*"], "a-team-a", set()],
		"everything": [["*"], "shop", {true}],
		"none": [[], "shop", set()],
		"everything, without a namespace": [["*"], "", {true}],
		"a name, without a namespace": [["shop"], "", set()],
		"no namespace at all": [["*"], null, set()],
	}
	found := {covered | covered := flux_gate.covers(namespace) with input as {"parameters": {"gatedNamespaces": entries}}}
	found == wanted
}

test_objects_of_Flux_in_a_gated_namespace[name] if {
	some name, [api_version, kind, namespace, wanted] in {
		"a Kustomization": ["kustomize.toolkit.fluxcd.io/v1", "Kustomization", "shop", {true}],
		"a source": ["source.toolkit.fluxcd.io/v1", "GitRepository", "shop", {true}],
		"a gate": ["lockkeeper.dev/v1alpha1", "ArtifactGate", "shop", {true}],
		"another kind of ours": ["lockkeeper.dev/v1alpha1", "Approval", "shop", set()],
		"a kustomization that is a file": ["kustomize.config.k8s.io/v1beta1", "Kustomization", "shop", set()],
		"an Application": ["argoproj.io/v1alpha1", "Application", "shop", set()],
		"elsewhere": ["kustomize.toolkit.fluxcd.io/v1", "Kustomization", "web", set()],
	}
	judged := request({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}, namespace)
	found := {gated | gated := flux_gate.is_gated with input as judged}
	found == wanted
}

test_objects_that_Flux_has_put_there[name] if {
	some name, [namespace, labels, wanted] in {
		"in a gated namespace": ["shop", {}, {true}],
		"of a Kustomization of one": ["web", {"kustomize.toolkit.fluxcd.io/namespace": "shop"}, {true}],
		"of a HelmRelease of one": ["web", {"helm.toolkit.fluxcd.io/namespace": "shop"}, {true}],
		"of another Kustomization": ["web", {"kustomize.toolkit.fluxcd.io/namespace": "web"}, set()],
		"of nobody": ["web", null, set()],
	}
	config_map := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": labels}}
	found := {fed | fed := flux_gate.is_fed with input as request(config_map, namespace)}
	found == wanted
}

test_labels_that_are_taken_away_count if {
	old := {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/namespace": "shop"}}}
	judged := fixture.with_review(request({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, ""), {"oldObject": old})
	flux_gate.is_fed with input as judged
}
