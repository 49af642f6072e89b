# METADATA
# title: Credentials in other objects
# description: |
#   Helm values in an Application or HelmRelease, a pipeline's parameters, an annotation of an Ingress: a token there is
#   read by everybody who may read the object, and these objects are readable for many. Tokens of known services are denied.
# custom:
#   severity: high
#   controls: ["MITRE:T1552.001", "NIST:SP800-53:IA-5(7)"]
#   # What is in the cluster already has leaked: denying the next change would not take it back.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # Kinds that hold credentials by design, or examples of them, as <kind>.<group>.
#     ignoredKinds: [CustomResourceDefinition.apiextensions.k8s.io]
package lockkeeper.resource_credentials

import data.lockkeeper.lib.credential
import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

# No message and no detail may hold a value, or a part of one.
deny contains violation if {
	_is_judged
	some path, text in _texts
	credential.suspicious(text)
	some kind in credential.kinds(text)
	violation := {
		"msg": sprintf("%s of this %s holds %s in plain text", [trim_left(path, "/"), input.review.kind.kind, kind]),
		"path": path,
		"details": {"credential": kind},
		"remedy": {"text": _remedy},
	}
}

_remedy := concat("", [
	"keep the value in a Secret and refer to it by name, ",
	"and replace the credential: everybody who could read the object has it",
])

_is_judged if {
	not _is_judged_elsewhere
	not _is_ignored
}

# plaintext_credentials looks at these, closer; Secrets are where credentials belong.
_is_judged_elsewhere if {
	input.review.kind.group == ""
	input.review.kind.kind in {"Secret", "ConfigMap"}
}

_is_judged_elsewhere if count(workload.pod_templates) > 0

# A request to check a token has to name it.
_is_judged_elsewhere if input.review.kind.group in {"authentication.k8s.io", "authorization.k8s.io"}

_is_ignored if concat("", [input.review.kind.kind, ".", input.review.kind.group]) in _ignored_kinds

_texts[path] := text if {
	is_object(input.review.object.metadata.annotations)
	some key, text in input.review.object.metadata.annotations
	key != "kubectl.kubernetes.io/last-applied-configuration"
	path := pointer.join(["metadata", "annotations", key])
}

# Everything else as one text for each member: where in it a token is would have to be searched for.
_texts[path] := text if {
	some key, value in input.review.object
	not key in {"apiVersion", "kind", "metadata", "status"}
	_is_structure(value)
	text := json.marshal(value)
	path := pointer.join([key])
}

_is_structure(value) if is_object(value)

_is_structure(value) if is_array(value)

default _ignored_kinds := ["CustomResourceDefinition.apiextensions.k8s.io"]

_ignored_kinds := input.parameters.ignoredKinds
