# METADATA
# title: Admission control weakened
# description: |
#   Who makes a webhook fail open, narrows what it sees or takes a validation out has switched a guard off without
#   touching what it guards. The API server asks no webhook about these objects, so they are judged in Git and by the audit.
# custom:
#   severity: high
#   controls: ["CIS:5.1.12", "CIS:5.2.1"]
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
#   match:
#     kinds:
#       - apiGroups: [admissionregistration.k8s.io]
#         kinds:
#           - ValidatingWebhookConfiguration
#           - MutatingWebhookConfiguration
#           - ValidatingAdmissionPolicy
#           - ValidatingAdmissionPolicyBinding
#     operations: [UPDATE, DELETE]
#   parameters:
#     # Weakening one of these is denied; a name may end in `*`.
#     protectedNames: [lockkeeper, lockkeeper-*]
package lockkeeper.admission_control_weakened

deny contains violation if {
	_protected
	some violation in _violations
}

warn contains violation if {
	not _protected
	some violation in _violations
}

_violations contains {
	"msg": sprintf("%s: %s", [finding.what, finding.harm]),
	"path": finding.path,
	"details": {"change": finding.change, "name": finding.name},
	"remedy": {"text": finding.remedy},
} if {
	some finding in _findings
}

_findings contains {
	"what": sprintf("the %s is deleted", [input.review.kind.kind]),
	"harm": "nothing it refused is refused any more",
	"change": "deleted",
	"name": "",
	"path": "",
	"remedy": "remove it in Git, where the removal is reviewed",
} if {
	input.review.operation == "DELETE"
}

_findings contains {
	"what": sprintf("webhook %q is removed", [name]),
	"harm": "nothing it refused is refused any more",
	"change": "removed",
	"name": name,
	"path": "/webhooks",
	"remedy": "keep the webhook",
} if {
	input.review.operation == "UPDATE"
	kept := _webhooks(input.review.object)
	some name, _ in _webhooks(input.review.oldObject)
	not kept[name]
}

_findings contains {
	"what": sprintf("%sfailurePolicy becomes Ignore", [guard.label]),
	"harm": "while it cannot answer, everything passes",
	"change": "failurePolicy",
	"name": guard.name,
	"path": concat("", [guard.path, "/failurePolicy"]),
	"remedy": "leave failurePolicy at Fail, and give what answers more replicas",
} if {
	some guard in _guards
	_fails_open(guard.new)
	old := guard.old
	not _fails_open(old)
}

_findings contains {
	"what": sprintf("%s%s is new or changed", [guard.label, field]),
	"harm": "what it leaves out is not judged",
	"change": field,
	"name": guard.name,
	"path": concat("", [guard.path, guard.match, "/", field]),
	"remedy": sprintf("leave %s as it was", [field]),
} if {
	some guard in _guards
	some field in ["namespaceSelector", "objectSelector", "excludeResourceRules"]
	new := _value(guard.new_match, field)
	count(new) > 0
	new != _value(guard.old_match, field)
}

_findings contains {
	"what": sprintf("%smatchConditions are new or changed", [guard.label]),
	"harm": "what they leave out is not judged",
	"change": "matchConditions",
	"name": guard.name,
	"path": concat("", [guard.path, "/matchConditions"]),
	"remedy": "leave matchConditions as they were",
} if {
	some guard in _guards
	new := _value(guard.new, "matchConditions")
	count(new) > 0
	new != _value(guard.old, "matchConditions")
}

_findings contains {
	"what": sprintf("%sa rule is taken out or changed", [guard.label]),
	"harm": "kinds or operations that were judged may pass unseen",
	"change": "rules",
	"name": guard.name,
	"path": concat("", [guard.path, guard.match, "/", guard.rules]),
	"remedy": "leave the rules as they were, and add new ones beside them",
} if {
	some guard in _guards
	new := {_rule(rule) | some rule in _value(guard.new_match, guard.rules)}
	some rule in _value(guard.old_match, guard.rules)
	not _rule(rule) in new
	not _is_everything(guard, new)
}

# A binding without rules of its own judges everything that its policy does.
_findings contains {
	"what": "resourceRules are new",
	"harm": "kinds or operations that were judged may pass unseen",
	"change": "rules",
	"name": "",
	"path": "/spec/matchResources/resourceRules",
	"remedy": "leave the rules to the policy, or bind it once more",
} if {
	some guard in _guards
	guard.match == "/matchResources"
	count(_value(guard.old_match, "resourceRules")) == 0
	count(_value(guard.new_match, "resourceRules")) > 0
}

_findings contains {
	"what": "a validation is taken out or changed",
	"harm": "what it refused may pass now",
	"change": "validations",
	"name": "",
	"path": "/spec/validations",
	"remedy": "keep the validation; a new one may stand beside it",
} if {
	some guard in _guards
	expressions := {validation.expression | some validation in _value(guard.new, "validations")}
	some validation in _value(guard.old, "validations")
	not validation.expression in expressions
}

_findings contains {
	"what": "validationActions has no Deny any more",
	"harm": "the policy speaks, and refuses nothing",
	"change": "validationActions",
	"name": "",
	"path": "/spec/validationActions",
	"remedy": "keep Deny among the validationActions",
} if {
	some guard in _guards
	"Deny" in guard.old.validationActions
	not "Deny" in guard.new.validationActions
}

_findings contains {
	"what": "policyName names another policy",
	"harm": "this binding does not enforce the old one any more",
	"change": "policyName",
	"name": "",
	"path": "/spec/policyName",
	"remedy": "bind the other policy with a binding of its own",
} if {
	some guard in _guards
	guard.new.policyName != guard.old.policyName
}

# Each webhook that stays, or the one policy or binding: where it is, before and after, and where its rules are.
_guards contains {
	"name": name,
	"label": sprintf("webhook %q: ", [name]),
	"path": concat("", ["/webhooks/", format_int(new.index, 10)]),
	"match": "",
	"rules": "rules",
	"old": old.webhook,
	"new": new.webhook,
	"old_match": old.webhook,
	"new_match": new.webhook,
} if {
	some name, old in _webhooks(input.review.oldObject)
	new := _webhooks(input.review.object)[name]
}

_guards contains {
	"name": "",
	"label": "",
	"path": "/spec",
	"match": concat("", ["/", match]),
	"rules": "resourceRules",
	"old": old,
	"new": new,
	"old_match": object.get(old, match, {}),
	"new_match": object.get(new, match, {}),
} if {
	match := {
		"ValidatingAdmissionPolicy": "matchConstraints",
		"ValidatingAdmissionPolicyBinding": "matchResources",
	}[input.review.kind.kind]
	old := input.review.oldObject.spec
	new := input.review.object.spec
}

default _webhooks(_) := {}

# By name; of two webhooks with one name, which the API server refuses, the first.
_webhooks(configuration) := {name: found[0] |
	some each in configuration.webhooks
	name := each.name
	found := [{"webhook": webhook, "index": i} | some i, webhook in configuration.webhooks; webhook.name == name]
}

# Absent is Fail.
_fails_open(object) if object.failurePolicy == "Ignore"

_is_everything(guard, new) if {
	guard.match == "/matchResources"
	count(new) == 0
}

# A rule whose lists have no order; an absent scope is every scope.
_rule(rule) := {
	"scope": object.get(rule, "scope", "*"),
	"lists": {[list, item] |
		some list in ["apiGroups", "apiVersions", "operations", "resources", "resourceNames"]
		some item in rule[list]
	},
}

default _value(_, _) := []

_value(parent, field) := parent[field] if parent[field] != null

_protected if input.review.name in input.parameters.protectedNames

_protected if {
	some pattern in input.parameters.protectedNames
	endswith(pattern, "*")
	startswith(input.review.name, trim_suffix(pattern, "*"))
}
