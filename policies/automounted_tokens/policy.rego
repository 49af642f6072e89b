# METADATA
# title: Automounted service account tokens
# description: |
#   Unless a pod says otherwise, every container gets a token for the Kubernetes API. A pod that runs as the service account
#   `default` has no business there, so the token is of use only to whoever breaks in.
# custom:
#   severity: low
#   controls: ["CIS:5.1.6", "MITRE:T1528"]
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#opt-out-of-api-credential-automounting
#   match:
#     workloads: true
#   parameters:
#     # true: pods with a service account of their own as well.
#     everyServiceAccount: false
package lockkeeper.automounted_tokens

import data.lockkeeper.lib.workload

warn contains violation if {
	some pointer, spec in workload.pod_specs
	count(spec.containers) > 0
	not spec.automountServiceAccountToken == false
	account := _account(spec)
	_is_judged(account)
	not _is_opted_out(account)
	path := concat("", [pointer, "/automountServiceAccountToken"])
	violation := {
		"msg": sprintf(
			"the containers get a token of the service account %s, whether they call the Kubernetes API or not",
			[account],
		),
		"path": path,
		"details": {"serviceAccount": account},
		"remedy": {
			"text": "set automountServiceAccountToken to false, or name a service account with the rights the pod needs",
			"patch": [{"op": "add", "path": path, "value": false}],
		},
	}
}

# serviceAccount is the old name of the field; the API server fills in `default`.
_account(spec) := spec.serviceAccountName if {
	is_string(spec.serviceAccountName)
	spec.serviceAccountName != ""
} else := spec.serviceAccount if {
	is_string(spec.serviceAccount)
	spec.serviceAccount != ""
} else := "default"

_is_judged("default")

_is_judged(account) if {
	account != "default"
	_every_service_account == true
}

# The service account itself may say so, where it is known.
_is_opted_out(account) if {
	some object in input.related.objects
	object.kind == "ServiceAccount"
	object.metadata.name == account
	object.metadata.namespace == input.review.namespace
	object.automountServiceAccountToken == false
}

default _every_service_account := false

_every_service_account := input.parameters.everyServiceAccount
