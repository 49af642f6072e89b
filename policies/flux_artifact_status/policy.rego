# METADATA
# title: Artifacts of Flux written by somebody else
# description: |
#   Flux applies the archive that the status of a source names by address and digest. Whoever may write that status
#   decides what runs, whatever the repository says.
# custom:
#   severity: critical
#   controls: ["NIST:SP800-53:CM-5"]
#   ratchet: false
#   docs: https://fluxcd.io/flux/components/source/externalartifacts/
#   match:
#     kinds:
#       - apiGroups: [source.toolkit.fluxcd.io]
#         kinds: [ExternalArtifact, GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket]
#     operations: [CREATE, UPDATE]
#     subResources: ["", status]
#   parameters:
#     # Who publishes artifacts: Flux's own controllers, and this gate.
#     publishers:
#       - ServiceAccount:flux-system/source-controller
#       - ServiceAccount:flux-system/source-watcher
#       - ServiceAccount:lockkeeper-system/*
package lockkeeper.flux_artifact_status

import data.lockkeeper.lib.actor

deny contains violation if {
	actor.is_person
	some violation in _violations
}

# A controller that is not known publishes artifacts of its own, or is not what it seems.
warn contains violation if {
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

_is_publisher if actor.is_one_of(input.parameters.publishers)

default _old_artifact := {}

_old_artifact := input.review.oldObject.status.artifact if is_object(input.review.oldObject.status.artifact)

default _digest := "an archive without a digest"

_digest := input.review.object.status.artifact.digest if is_string(input.review.object.status.artifact.digest)
