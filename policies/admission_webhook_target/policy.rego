# METADATA
# title: Admission webhooks with an address outside the cluster
# description: |
#   The API server sends an admission webhook the whole object. One outside the cluster that is asked about pods or
#   Secrets reads every credential, and one that mutates can put a container into every pod.
# custom:
#   severity: high
#   controls: ["CIS:5.1.12"]
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#url
#   match:
#     kinds:
#       - apiGroups: [admissionregistration.k8s.io]
#         kinds: [ValidatingWebhookConfiguration, MutatingWebhookConfiguration]
#   parameters:
#     # Hosts that managed control planes and the like use; a loopback address is the control plane itself.
#     allowedHosts: []
package lockkeeper.admission_webhook_target

import data.lockkeeper.lib.address

deny contains violation if {
	some violation in _outside
	violation.details.sees != ""
}

warn contains violation if {
	some violation in _outside
	violation.details.sees == ""
}

# A private address is somebody else's machine in the same network.
warn contains violation if {
	some i, host in _hosts
	address.is_internal(host)
	sees := _sees(i)
	sees != ""
	violation := {
		"msg": sprintf("webhook %q is asked about %s at %s, which is no Service of the cluster", [_name(i), sees, host]),
		"path": _path(i, "/clientConfig/url"),
		"details": {"webhook": _name(i), "host": host, "sees": sees},
		"remedy": {"text": "run the webhook in the cluster and name it with clientConfig.service"},
	}
}

# A service in the cluster that may change every Secret, whatever it is labelled.
warn contains violation if {
	input.review.kind.kind == "MutatingWebhookConfiguration"
	some i, webhook in _webhooks
	not _hosts[i]
	_sees(i) == "secrets"
	_selects_everything(webhook)
	violation := {
		"msg": sprintf("webhook %q reads and may change every Secret that is written", [_name(i)]),
		"path": _path(i, "/rules"),
		"details": {"webhook": _name(i), "sees": "secrets"},
		"remedy": {"text": "leave Secrets out of the rules, or select them by a label with objectSelector"},
	}
}

_outside contains violation if {
	some i, host in _hosts
	not address.is_internal(host)
	sees := _sees(i)
	violation := {
		"msg": sprintf("webhook %q sends %s to %s, outside the cluster", [_name(i), _what(sees), host]),
		"path": _path(i, "/clientConfig/url"),
		"details": {"webhook": _name(i), "host": host, "sees": sees},
		"remedy": {"text": "run the webhook in the cluster and name it with clientConfig.service"},
	}
}

_what("") := "the objects it is asked about"

_what(sees) := sprintf("every one of the %s it is asked about", [sees]) if sees != ""

_webhooks := input.review.object.webhooks if is_array(input.review.object.webhooks)

_hosts[i] := host if {
	some i, webhook in _webhooks
	host := address.host_of(webhook.clientConfig.url)
	not address.is_loopback(host)
	not host in input.parameters.allowedHosts
}

default _sees(_) := ""

_sees(i) := "secrets" if {
	_asked_about(i, {"secrets", "*", "*/*"})
} else := "pods" if {
	_asked_about(i, {"pods", "pods/*"})
}

_asked_about(i, resources) if {
	some rule in _webhooks[i].rules
	some group in rule.apiGroups
	group in {"", "*"}
	some resource in rule.resources
	resource in resources
}

_selects_everything(webhook) if {
	object.get(webhook, "objectSelector", {}) in [{}, null]
	object.get(webhook, "namespaceSelector", {}) in [{}, null]
	object.get(webhook, "matchConditions", []) in [[], null]
}

default _name(_) := ""

_name(i) := _webhooks[i].name if is_string(_webhooks[i].name)

_path(i, rest) := concat("", ["/webhooks/", format_int(i, 10), rest])
