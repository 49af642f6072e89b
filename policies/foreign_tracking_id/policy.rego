# METADATA
# title: Objects claimed for an Application or a Kustomization by hand
# description: |
#   Argo CD and Flux recognise what is theirs by an annotation or by labels. Somebody who writes them by hand gives an
#   object the look of having come from Git, or has it deleted by the next sync.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:CM-5"]
#   docs: https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     exemptSubjects: []
package lockkeeper.foreign_tracking_id

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.pointer

# Controllers, and accounts that Argo CD and Flux apply as, write these marks all the time; a person has no reason to.
warn contains violation if {
	metadata := input.review.object.metadata
	some [map, mark, owner] in _marks
	value := metadata[map][mark]
	not _had(map, mark, value)
	actor.is_person
	not actor.is_exempt
	violation := {
		"msg": sprintf("%s marks the object as part of the %s %q, which only its controller does", [actor.label, owner, _owner(value)]),
		"path": pointer.join(["metadata", map, mark]),
		"details": {"mark": mark, "owner": _owner(value)},
		"remedy": {"text": sprintf("remove %s, and add the object in Git", [mark])},
	}
}

_marks := [
	["annotations", "argocd.argoproj.io/tracking-id", "Application"],
	["labels", "kustomize.toolkit.fluxcd.io/name", "Kustomization"],
	["labels", "helm.toolkit.fluxcd.io/name", "HelmRelease"],
]

_had(map, mark, value) if input.review.oldObject.metadata[map][mark] == value

# <application>:<group>/<kind>:<namespace>/<name>
_owner(value) := split(value, ":")[0]
