# METADATA
# title: GitOps source changed behind Git's back
# description: |
#   Where an Application or a Flux source points is what runs next. Another repository, revision or path, set by hand, or
#   a signature that is no longer checked, brings in manifests that nobody has reviewed, with the deployer's rights.
# custom:
#   severity: high
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
#         kinds: [GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket, ExternalArtifact]
#       - apiGroups: [lockkeeper.dev]
#         kinds: [ArtifactGate]
#     operations: [UPDATE]
#   parameters:
#     # Namespaces whose Flux objects go through the gate, "team-*" for any ending, "*" for all: there it is denied.
#     gatedNamespaces: []
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     # A program that is allowed to set images by itself.
#     exemptSubjects: ["ServiceAccount:argocd/argocd-image-updater*"]
package lockkeeper.gitops_source_swapped

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.flux_gate

warn contains violation if {
	not flux_gate.is_gated
	some violation in _violations
}

# Flux applies it at once, with what the gate has judged for other settings.
deny contains violation if {
	flux_gate.is_gated
	some violation in _violations
}

_violations contains violation if {
	not actor.is_trusted
	spec := input.review.object.spec
	old_spec := input.review.oldObject.spec
	some field, meaning in _fields[input.review.kind.kind]
	object.get(spec, field, null) != object.get(old_spec, field, null)
	path := concat("/", array.concat([""], array.concat(["spec"], field)))
	violation := {
		"msg": sprintf("%s changes %s of the %s: %s", [actor.label, concat(".", field), input.review.kind.kind, meaning]),
		"path": path,
		"details": {"field": concat(".", field)},
		"remedy": {"text": "make the change in Git, where it is reviewed"},
	}
}

# Whoever the change comes from: it is the check that says whose commits count.
warn contains violation if {
	actor.is_trusted
	some field in ["verify", "certSecretRef"]
	input.review.oldObject.spec[field]
	not input.review.object.spec[field]
	violation := {
		"msg": sprintf("%s is taken out: commits and artifacts are no longer checked with it", [field]),
		"path": "/spec",
		"details": {"field": field},
		"remedy": {"text": sprintf("keep %s", [field])},
	}
}

_fields := {
	"Application": _application_fields,
	"ApplicationSet": object.union(
		{array.concat(["template", "spec"], field): meaning | some field, meaning in _application_fields},
		{["generators"]: "they say which Applications there are and what is put into them"},
	),
	"Kustomization": {
		["sourceRef"]: _runs,
		["path"]: _runs,
		["serviceAccountName"]: "it is what the manifests are applied as",
		["kubeConfig"]: "it is where the manifests are applied",
		["patches"]: _unreviewed,
		["images"]: _unreviewed,
		["postBuild"]: _unreviewed,
		["components"]: _unreviewed,
		["commonMetadata"]: _unreviewed,
		["namePrefix"]: _unreviewed,
		["nameSuffix"]: _unreviewed,
		["targetNamespace"]: "it is where the manifests are applied",
	},
	"HelmRelease": {
		["chart"]: _runs,
		["chartRef"]: _runs,
		["serviceAccountName"]: "it is what the chart is applied as",
		["kubeConfig"]: "it is where the chart is applied",
		["values"]: _unreviewed,
		["valuesFrom"]: _unreviewed,
		["postRenderers"]: _unreviewed,
		["targetNamespace"]: "it is where the chart is applied",
	},
	"GitRepository": _source_fields,
	"OCIRepository": _source_fields,
	"HelmRepository": _source_fields,
	"HelmChart": object.union(_source_fields, {["chart"]: _runs, ["version"]: _runs, ["sourceRef"]: _runs}),
	"Bucket": object.union(_source_fields, {["bucketName"]: _runs, ["endpoint"]: _runs, ["prefix"]: _runs}),
	"ExternalArtifact": {["sourceRef"]: _runs},
	"ArtifactGate": {
		["sourceRef"]: _runs,
		["paths"]: "they say what is published of the source",
		["kustomizations"]: "what is not named there is not judged",
	},
}

_application_fields := {
	["source"]: _runs,
	["sources"]: _runs,
	["sourceHydrator"]: _runs,
	["project"]: "it says what the Application may do",
	["destination"]: "it is where the manifests are applied",
}

_source_fields := {
	["url"]: _runs,
	["ref"]: _runs,
	["secretRef"]: "it is who the source is read as",
	["verify"]: "it says whose signatures count",
	["insecure"]: "without TLS anybody on the way may answer",
	["certSecretRef"]: "it says whose certificate is believed",
	["include"]: _runs,
}

_runs := "what is there runs next, with the deployer's rights"

_unreviewed := "it changes the manifests after they were reviewed"
