# METADATA
# title: Kustomizations and HelmReleases without the gate
# description: |
#   A Kustomization or HelmRelease that does not take its source from the Flux gate applies whatever is there: nothing of it
#   is judged before, and a denial at admission leaves it half applied.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:CM-5"]
#   # Flux writes finalizers into these objects: what was there before must stay writable.
#   ratchet: true
#   docs: https://fluxcd.io/flux/components/source/externalartifacts/
#   match:
#     kinds:
#       - apiGroups: [kustomize.toolkit.fluxcd.io]
#         kinds: [Kustomization]
#       - apiGroups: [helm.toolkit.fluxcd.io]
#         kinds: [HelmRelease]
#   parameters:
#     # Namespaces that have moved to the gate, "team-*" for any ending, "*" for all: elsewhere only a change that leaves an
#     # ExternalArtifact is warned of.
#     gatedNamespaces: []
#     # What must use it there. The chart of a HelmRelease from a HelmRepository is judged at admission alone: without
#     # HelmRelease in this list that is a warning.
#     gatedKinds: [Kustomization, HelmRelease]
package lockkeeper.flux_source_ungated

import data.lockkeeper.lib.flux_gate
import data.lockkeeper.lib.pointer

deny contains violation if {
	_is_gated
	input.review.kind.kind in input.parameters.gatedKinds
	some violation in _violations
}

warn contains violation if {
	_is_gated
	not input.review.kind.kind in input.parameters.gatedKinds
	some violation in _violations
}

warn contains violation if {
	not _is_gated
	_removal != ""
	some violation in _violations
}

# What runs there is another cluster's: its live objects are not compared with, and its admission is not this gate.
warn contains violation if {
	_is_gated
	is_object(input.review.object.spec.kubeConfig)
	violation := {
		"msg": "kubeConfig applies this in another cluster: it is judged without the objects that are live there, and not at its admission",
		"path": "/spec/kubeConfig",
		"details": {"field": "kubeConfig"},
		"remedy": {"text": "install the gate in the other cluster as well, or apply from there"},
	}
}

_violations contains {
	"msg": sprintf("%s: what is there is applied unjudged%s", [problem, _removal]),
	"path": source.path,
	"details": {"source": source.name},
	"remedy": {"text": "name the ExternalArtifact of an ArtifactGate, kind ExternalArtifact, in a gated namespace"},
} if {
	some source in _sources(input.review.object)
	problem := _problem(source)
}

_problem(source) := sprintf("the source is the %s, not an ExternalArtifact", [source.name]) if source.kind != "ExternalArtifact"

# In a namespace that is not gated anybody may write it.
_problem(source) := sprintf("the %s is in the namespace %q, which is not gated", [source.name, source.namespace]) if {
	source.kind == "ExternalArtifact"
	_is_gated
	not _is_in_gated_namespace(source)
}

_is_in_gated_namespace(source) if flux_gate.covers(source.namespace)

_is_gated if flux_gate.is_gated

# A Kustomization elsewhere that is told to apply here.
_is_gated if flux_gate.covers(input.review.object.spec.targetNamespace)

default _removal := ""

_removal := ", and this change takes it out of the gate" if {
	some source in _sources(input.review.oldObject)
	source.kind == "ExternalArtifact"
}

# Where the manifests or the chart come from. Of several that a HelmRelease names, none may be another.
_sources(reviewed) := {source |
	some path in [["spec", "sourceRef"], ["spec", "chartRef"], ["spec", "chart", "spec", "sourceRef"]]
	reference := object.get(reviewed, path, null)
	is_object(reference)
	namespace := _namespace(reference, reviewed)
	kind := object.get(reference, "kind", "")
	source := {
		"path": pointer.join(path),
		"kind": kind,
		"namespace": namespace,
		"name": sprintf("%v %v/%v", [kind, namespace, object.get(reference, "name", "")]),
	}
}

_namespace(reference, _) := reference.namespace if {
	is_string(reference.namespace)
	reference.namespace != ""
} else := namespace if {
	namespace := flux_gate.namespace
}
