# METADATA
# title: GitOps stopped from healing
# description: |
#   Automated sync, self-heal and drift detection put back what was changed behind Git's back. Whoever switches them off,
#   suspends the sync or has fields ignored gets time to work unseen.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:CM-5"]
#   match:
#     kinds:
#       - apiGroups: [argoproj.io]
#         kinds: [Application, ApplicationSet]
#       - apiGroups: [kustomize.toolkit.fluxcd.io]
#         kinds: [Kustomization]
#       - apiGroups: [helm.toolkit.fluxcd.io]
#         kinds: [HelmRelease]
#       - apiGroups: [source.toolkit.fluxcd.io]
#         kinds: [GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket]
#       - apiGroups: [lockkeeper.dev]
#         kinds: [ArtifactGate]
#     operations: [UPDATE]
#   parameters:
#     # Namespaces whose Flux objects go through the gate, "team-*" for any ending, "*" for all: there it is denied to others
#     # than deployers.
#     gatedNamespaces: []
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     # Who may pause the sync of a gated namespace, such as Group:on-call.
#     exemptSubjects: []
package lockkeeper.gitops_self_heal

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.flux_gate
import data.lockkeeper.lib.pointer

warn contains violation if {
	not _is_held
	some violation in _violations
}

# What the gate holds back would not be healed.
deny contains violation if {
	_is_held
	some violation in _violations
}

_is_held if {
	flux_gate.is_gated
	not actor.is_trusted
}

_violations contains {
	"msg": sprintf("%s: %s", [finding.what, finding.harm]),
	"path": finding.path,
	"details": {"change": finding.change},
	"remedy": {"text": "switch it on again, or end the pause at a time that is written down"},
} if {
	some finding in _findings
}

_findings contains {
	"what": "spec.suspend becomes true",
	"harm": "nothing is synced, and no drift is corrected, until it is resumed",
	"change": "suspend",
	"path": "/spec/suspend",
} if {
	input.review.object.spec.suspend == true
	not input.review.oldObject.spec.suspend == true
}

_findings contains {
	"what": sprintf("driftDetection.mode %s becomes %s", [old, new]),
	"harm": "what is changed behind the release's back stays",
	"change": "driftDetection",
	"path": pointer.join(["spec", "driftDetection", "mode"]),
} if {
	input.review.kind.kind == "HelmRelease"
	old := _drift_detection(input.review.oldObject)
	new := _drift_detection(input.review.object)
	_drift_ranks[new] < _drift_ranks[old]
}

_findings contains {
	"what": "prune is switched off",
	"harm": "what is taken out of Git keeps running",
	"change": "prune",
	"path": "/spec/prune",
} if {
	input.review.kind.group == "kustomize.toolkit.fluxcd.io"
	input.review.oldObject.spec.prune == true
	not input.review.object.spec.prune == true
}

_findings contains {
	"what": "differences of some fields are ignored from now on",
	"harm": "a change of these fields is neither shown nor corrected",
	"change": "ignore",
	"path": pointer.join(path),
} if {
	endswith(input.review.kind.group, ".toolkit.fluxcd.io")
	some path in [["spec", "ignore"], ["spec", "driftDetection", "ignore"]]
	some rule in _list(input.review.object, path)
	not rule in _list(input.review.oldObject, path)
}

_findings contains {
	"what": "automated sync is switched off",
	"harm": "neither commits nor changes behind Git's back lead to a sync",
	"change": "automated",
	"path": concat("", [path, "/syncPolicy"]),
} if {
	some path, old in _specs(input.review.oldObject)
	_automated(old)
	not _automated(_specs(input.review.object)[path])
}

_findings contains {
	"what": "selfHeal is switched off",
	"harm": "what is changed behind Git's back stays until the next commit",
	"change": "selfHeal",
	"path": concat("", [path, "/syncPolicy/automated"]),
} if {
	some path, old in _specs(input.review.oldObject)
	old.syncPolicy.automated.selfHeal == true
	new := _specs(input.review.object)[path]
	_automated(new)
	not new.syncPolicy.automated.selfHeal == true
}

_findings contains {
	"what": sprintf("differences of %s are ignored from now on", [_kinds(ignored)]),
	"harm": "a change of these fields is neither shown nor corrected",
	"change": "ignoreDifferences",
	"path": concat("", [path, "/ignoreDifferences/", format_int(i, 10)]),
} if {
	some path, new in _specs(input.review.object)
	some i, ignored in new.ignoreDifferences
	is_object(ignored)
	not _ignored_before(path, ignored)
}

default _list(_, _) := []

# The source's own `ignore` is a text: it says which files are part of the artifact.
_list(reviewed, path) := found if {
	found := object.get(reviewed, path, [])
	is_array(found)
}

_automated(spec) if {
	is_object(spec.syncPolicy.automated)
	not spec.syncPolicy.automated.enabled == false
}

_ignored_before(path, ignored) if {
	some other in _specs(input.review.oldObject)[path].ignoreDifferences
	other == ignored
}

default _kinds(_) := "some objects"

_kinds(ignored) := ignored.kind if is_string(ignored.kind)

# Absent is disabled.
_drift_detection(release) := mode if {
	mode := object.get(release, ["spec", "driftDetection", "mode"], "disabled")
	_drift_ranks[mode]
} else := "disabled"

_drift_ranks := {"disabled": 0, "warn": 1, "enabled": 2}

# The spec of an Application, or of the template of an ApplicationSet, by JSON pointer.
_specs(set) := {"/spec/template/spec": set.spec.template.spec} if input.review.kind.kind == "ApplicationSet"

_specs(application) := {"/spec": application.spec} if input.review.kind.kind == "Application"
