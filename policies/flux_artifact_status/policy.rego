# METADATA
# title: Artifacts of Flux written by somebody else
# description: |
#   Flux applies the archive that the status of a source names by address and digest. Whoever may write that status
#   decides what runs, whatever the repository says. In gated namespaces ExternalArtifacts are the gate's alone: Flux's own
#   role for editors lets everybody write them who may edit a namespace.
# custom:
#   severity: critical
#   controls: ["NIST:SP800-53:CM-5"]
#   ratchet: false
#   docs: https://fluxcd.io/flux/components/source/externalartifacts/
#   match:
#     kinds:
#       - apiGroups: [source.toolkit.fluxcd.io]
#         kinds: [ExternalArtifact, GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket]
#     operations: [CREATE, UPDATE, DELETE]
#     subResources: ["", status]
#   parameters:
#     # Who publishes artifacts: Flux's own controllers, and this gate.
#     publishers:
#       - ServiceAccount:flux-system/source-controller
#       - ServiceAccount:flux-system/source-watcher
#       - ServiceAccount:lockkeeper-system/lockkeeper-flux
#     # Namespaces that have moved to the gate, "team-*" for any ending, "*" for all.
#     gatedNamespaces: []
#     # Who writes ExternalArtifacts there. Another publisher's would be applied unjudged: they belong in other namespaces.
#     gates: ["ServiceAccount:lockkeeper-system/lockkeeper-flux"]
package lockkeeper.flux_artifact_status

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.flux_gate

deny contains violation if {
	_is_of_the_gate
	not _is_gate
	not actor.is_system
	_is_written
	violation := {
		"msg": sprintf(
			"%s %s the ExternalArtifact %s of the gated namespace %s: what it names is applied unjudged",
			[actor.label, _verb, input.review.name, flux_gate.namespace],
		),
		"path": "",
		"details": {"operation": input.review.operation},
		"remedy": {"text": "leave it to the gate, and change the ArtifactGate instead; name who else may write it in the parameter gates"},
	}
}

deny contains violation if {
	not _is_of_the_gate
	actor.is_person
	some violation in _violations
}

# A controller that is not known publishes artifacts of its own, or is not what it seems.
warn contains violation if {
	not _is_of_the_gate
	actor.is_service_account
	some violation in _violations
}

_violations contains {
	"msg": sprintf("%s sets the artifact of the %s to %s: that archive is applied next", [actor.label, input.review.kind.kind, _digest]),
	"path": "/status/artifact",
	"details": {"digest": _digest},
	"remedy": {"text": "leave the status to the source's controller; name who else publishes artifacts in the parameter publishers"},
} if {
	not _is_publisher
	artifact := input.review.object.status.artifact
	is_object(artifact)
	some field in ["url", "digest", "revision", "path"]
	artifact[field] != object.get(_old_artifact, field, null)
}

_is_of_the_gate if {
	input.review.kind.kind == "ExternalArtifact"
	flux_gate.is_gated
}

# Labels and annotations say nothing of what is applied. A finalizer or an owner says how long it stays.
_is_written if input.review.operation != "UPDATE"

_is_written if {
	some path in [["spec"], ["status"], ["metadata", "finalizers"], ["metadata", "ownerReferences"]]
	object.get(input.review.object, path, null) != object.get(input.review.oldObject, path, null)
}

_verb := {"CREATE": "creates", "UPDATE": "changes", "DELETE": "deletes"}[input.review.operation]

_is_gate if actor.is_one_of(input.parameters.gates)

_is_publisher if actor.is_one_of(input.parameters.publishers)

default _old_artifact := {}

_old_artifact := input.review.oldObject.status.artifact if is_object(input.review.oldObject.status.artifact)

default _digest := "an archive without a digest"

_digest := input.review.object.status.artifact.digest if is_string(input.review.object.status.artifact.digest)
