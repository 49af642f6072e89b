# METADATA
# title: Objects hidden from GitOps
# description: |
#   An annotation is enough to make Argo CD or Flux leave an object alone. A change beside it then stays, however often
#   the sync runs, and nobody is told of the drift.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:CM-5"]
#   docs: https://fluxcd.io/flux/components/kustomize/kustomizations/#controlling-the-apply-behavior-of-resources
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # Namespaces whose Flux objects go through the gate, "team-*" for any ending, "*" for all: what is there, and what they
#     # have put elsewhere, is not hidden from Flux by hand.
#     gatedNamespaces: []
#     # What mutes, by annotation or (Flux) label, in any case; of a list with commas one element is enough.
#     annotations:
#       kustomize.toolkit.fluxcd.io/reconcile: [disabled]
#       kustomize.toolkit.fluxcd.io/ssa: [Ignore, IfNotPresent, Merge]
#       kustomize.toolkit.fluxcd.io/prune: [disabled]
#       helm.toolkit.fluxcd.io/driftDetection: [disabled]
#       helm.toolkit.fluxcd.io/prune: [disabled]
#       argocd.argoproj.io/skip-reconcile: ["true"]
#       argocd.argoproj.io/compare-options: [IgnoreExtraneous]
#       argocd.argoproj.io/sync-options: [Prune=false, Delete=false]
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: ["ServiceAccount:flux-system/*", "ServiceAccount:flagger-system/*"]
package lockkeeper.gitops_muted

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.flux_gate
import data.lockkeeper.lib.pointer

warn contains finding.violation if {
	some finding in _findings
	not finding.gated
}

deny contains finding.violation if {
	some finding in _findings
	finding.gated
}

# In Git the same annotation is a decision that somebody has reviewed.
_findings contains {"gated": annotation in _gated, "violation": violation} if {
	some map in ["annotations", "labels"]
	marks := input.review.object.metadata[map]
	some annotation, muting in input.parameters.annotations
	value := marks[annotation]
	some option in _options(value, muting)
	not _had(map, annotation, option)
	not actor.is_trusted
	path := pointer.join(["metadata", map, annotation])
	violation := {
		"msg": sprintf("%s sets %s to %q: what is changed here is no longer corrected from Git", [actor.label, annotation, option]),
		"path": path,
		"details": {"annotation": annotation, "value": option},
		"remedy": {"text": "set the annotation in Git, where it is reviewed, or suspend the sync as a whole"},
	}
}

# Which of the annotations hide from the gate: those that Flux reads.
_gated contains annotation if {
	flux_gate.is_fed
	some annotation in object.keys(input.parameters.annotations)
	contains(annotation, ".toolkit.fluxcd.io/")
}

_options(value, muting) := {option |
	some part in split(value, ",")
	word := lower(trim_space(part))
	some option in muting
	lower(option) == word
}

_had(map, annotation, option) if {
	some part in split(input.review.oldObject.metadata[map][annotation], ",")
	lower(trim_space(part)) == lower(option)
}
