package lockkeeper.flux_source_ungated_test

import data.lockkeeper.flux_source_ungated as policy
import data.lockkeeper.lib.fixture

kustomization(spec) := {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "shop"}, "spec": spec}

release(spec) := {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "shop"}, "spec": spec}

parameters := {"gatedNamespaces": ["shop", "flux-system"], "gatedKinds": ["Kustomization", "HelmRelease"]}

in_namespace(request, namespace) := fixture.with_parameters(fixture.with_review(request, {"namespace": namespace}), parameters)

gated(object_under_review) := in_namespace(fixture.create(object_under_review), "shop")

from_git := {"sourceRef": {"kind": "GitRepository", "name": "shop"}}

from_gate := {"sourceRef": {"kind": "ExternalArtifact", "name": "shop"}}

test_another_source_is_denied if {
	violations := policy.deny with input as gated(kustomization(from_git))
	violations == {{
		"msg": "the source is the GitRepository shop/shop, not an ExternalArtifact: what is there is applied unjudged",
		"path": "/spec/sourceRef",
		"details": {"source": "GitRepository shop/shop"},
		"remedy": {"text": "name the ExternalArtifact of an ArtifactGate, kind ExternalArtifact, in a gated namespace"},
	}}
}

test_an_ExternalArtifact_is_allowed[name] if {
	some name, object_under_review in {
		"a Kustomization": kustomization(from_gate),
		"its source in another gated namespace": kustomization({"sourceRef": {"kind": "ExternalArtifact", "name": "shop", "namespace": "flux-system"}}),
		"an empty namespace": kustomization({"sourceRef": {"kind": "ExternalArtifact", "name": "shop", "namespace": ""}}),
		"a HelmRelease": release({"chartRef": {"kind": "ExternalArtifact", "name": "shop"}}),
	}
	violations := policy.deny with input as gated(object_under_review)
	violations == set()
	warnings := policy.warn with input as gated(object_under_review)
	warnings == set()
}

test_every_form_of_source[name] if {
	some name, [object_under_review, path, source] in {
		"a bucket": [kustomization({"sourceRef": {"kind": "Bucket", "name": "a"}}), "/spec/sourceRef", "Bucket shop/a"],
		"an image of manifests": [kustomization({"sourceRef": {"kind": "OCIRepository", "name": "a"}}), "/spec/sourceRef", "OCIRepository shop/a"],
		"a chart from an OCIRepository": [release({"chartRef": {"kind": "OCIRepository", "name": "a", "namespace": "b"}}), "/spec/chartRef", "OCIRepository b/a"],
		"a HelmChart": [release({"chartRef": {"kind": "HelmChart", "name": "a"}}), "/spec/chartRef", "HelmChart shop/a"],
		"a chart of a HelmRepository": [
			release({"chart": {"spec": {"chart": "redis", "sourceRef": {"kind": "HelmRepository", "name": "a"}}}}),
			"/spec/chart/spec/sourceRef",
			"HelmRepository shop/a",
		],
		"a chart beside the gate's": [
			release({
				"chartRef": {"kind": "ExternalArtifact", "name": "a"},
				"chart": {"spec": {"sourceRef": {"kind": "GitRepository", "name": "b"}}},
			}),
			"/spec/chart/spec/sourceRef",
			"GitRepository shop/b",
		],
		"no kind": [kustomization({"sourceRef": {"name": "a"}}), "/spec/sourceRef", " shop/a"],
	}
	violations := policy.deny with input as gated(object_under_review)
	{[violation.path, violation.details.source] | some violation in violations} == {[path, source]}
}

test_an_ExternalArtifact_that_anybody_may_write_is_denied if {
	spec := {"sourceRef": {"kind": "ExternalArtifact", "name": "shop", "namespace": "web"}}
	violations := policy.deny with input as gated(kustomization(spec))
	fixture.messages(violations) == {`the ExternalArtifact web/shop is in the namespace "web", which is not gated: what is there is applied unjudged`}
}

test_elsewhere_another_source_is_usual if {
	request := in_namespace(fixture.create(kustomization(from_git)), "web")
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	warnings == set()
}

test_what_is_applied_to_a_gated_namespace_from_elsewhere_is_denied if {
	request := in_namespace(fixture.create(kustomization(object.union(from_git, {"targetNamespace": "shop"}))), "web")
	violations := policy.deny with input as request
	fixture.paths(violations) == {"/spec/sourceRef"}
}

test_leaving_the_gate[namespace] if {
	some namespace, [denied, warned] in {"shop": [1, 0], "web": [0, 1]}
	request := in_namespace(fixture.update(kustomization(from_git), kustomization(from_gate)), namespace)
	violations := policy.deny with input as request
	count(violations) == denied
	warnings := policy.warn with input as request
	count(warnings) == warned
	every violation in violations | warnings {
		endswith(violation.msg, "applied unjudged, and this change takes it out of the gate")
	}
}

test_between_gates_elsewhere_is_usual if {
	other := kustomization({"sourceRef": {"kind": "ExternalArtifact", "name": "b", "namespace": "other"}})
	warnings := policy.warn with input as in_namespace(fixture.update(other, kustomization(from_gate)), "web")
	warnings == set()
}

test_a_kind_that_need_not_be_gated_is_a_warning if {
	spec := {"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "a"}}}}
	request := fixture.with_parameters(gated(release(spec)), {"gatedKinds": ["Kustomization"]})
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.paths(warnings) == {"/spec/chart/spec/sourceRef"}
}

test_another_cluster_is_a_warning if {
	spec := object.union(from_gate, {"kubeConfig": {"secretRef": {"name": "prod"}}})
	warnings := policy.warn with input as gated(kustomization(spec))
	fixture.paths(warnings) == {"/spec/kubeConfig"}
	elsewhere := policy.warn with input as in_namespace(fixture.create(kustomization(spec)), "web")
	elsewhere == set()
}

test_garbage_is_not_judged[name] if {
	some name, spec in {"null": null, "a string": "x", "references of wrong type": {"sourceRef": "x", "chartRef": [], "chart": "x", "kubeConfig": "x"}}
	violations := policy.deny with input as gated(kustomization(spec))
	violations == set()
	warnings := policy.warn with input as gated(kustomization(spec))
	warnings == set()
}
