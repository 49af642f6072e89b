# METADATA
# title: Wildcards in roles
# description: |
#   A role with `*` also allows what its author never thought of: Secrets, impersonation, kinds that are installed next
#   year. `*` for everything, or for all of the core API group, is cluster-admin by another name and is denied; single
#   wildcards are a warning.
# custom:
#   severity: high
#   controls: ["CIS:5.1.3", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters:
#     exemptClusterRoles: [cluster-admin]
package lockkeeper.wildcard_rbac

import data.lockkeeper.lib.rbac

deny contains violation if {
	some i, rule in _rules
	reach := _reach(rule)
	violation := {
		"msg": sprintf("rule %d allows every verb on %s%s", [i, reach, _aggregated]),
		"path": rbac.pointer(i),
		"details": {"wildcards": ["apiGroups", "resources", "verbs"]},
		"remedy": {"text": "name the verbs, resources and API groups that are needed"},
	}
}

# An empty selector selects every ClusterRole, cluster-admin among them; others select it by its label, or by one that it
# does not have.
deny contains violation if {
	not _exempt
	selectors := input.review.object.aggregationRule.clusterRoleSelectors
	is_array(selectors)
	some i, selector in selectors
	_selects_cluster_admin(selector)
	violation := {
		"msg": sprintf("aggregation selector %d selects the ClusterRole cluster-admin: the role gets all of its rules", [i]),
		"path": concat("", ["/aggregationRule/clusterRoleSelectors/", format_int(i, 10)]),
		"details": {"wildcards": ["clusterRoleSelectors"]},
		"remedy": {"text": "select the ClusterRoles by a label of their own"},
	}
}

warn contains violation if {
	some i, rule in _rules
	not _reach(rule)
	some field, meaning in _fields
	is_array(rule[field])
	some j, value in rule[field]
	_is_wildcard(value)
	violation := {
		"msg": sprintf("rule %d allows %s (%s)%s", [i, meaning, value, _aggregated]),
		"path": concat("", [rbac.pointer(i), "/", field, "/", format_int(j, 10)]),
		"details": {"wildcards": [field]},
		"remedy": {"text": sprintf("name the %s that are needed", [field])},
	}
}

_fields := {
	"verbs": "every verb, those of the future included",
	"resources": "every resource of its API groups, Secrets included where they are core",
	"apiGroups": "every API group, those of the future included",
	"nonResourceURLs": "every path of the API server that is no resource",
}

# `*` is everything, `*/scale` that subresource of everything; `*/*` means nothing to RBAC, but was meant.
_is_wildcard("*")

_is_wildcard(value) if {
	is_string(value)
	startswith(value, "*/")
}

# What a rule that is denied covers.
_reach(rule) := "every resource of every API group" if {
	_has_everything(rule)
	"*" in rule.apiGroups
}

# Secrets, pods, impersonation and the kubelet of every namespace. A Role for its own namespace stays a warning.
_reach(rule) := "every resource of the core API group, in every namespace" if {
	input.review.kind.kind == "ClusterRole"
	_has_everything(rule)
	"" in rule.apiGroups
	not "*" in rule.apiGroups
}

_has_everything(rule) if {
	_has_every_verb(rule)
	"*" in rule.resources
	rbac.is_unnamed(rule)
}

_has_every_verb(rule) if "*" in rule.verbs

# The same, spelled out.
_has_every_verb(rule) if {
	every verb in ["create", "delete", "get", "list", "patch", "update", "watch"] {
		verb in rule.verbs
	}
}

_selects_cluster_admin(null)

_selects_cluster_admin(selector) if {
	is_object(selector)
	labels := object.get(selector, "matchLabels", {})
	expressions := object.get(selector, "matchExpressions", [])
	_has_labels(labels)
	_meets(expressions)
}

_has_labels(labels) if labels in [{}, null]

_has_labels(labels) if {
	is_object(labels)
	every key, value in labels {
		_labels_of_cluster_admin[key] == value
	}
}

_meets(null)

_meets(expressions) if {
	is_array(expressions)
	every expression in expressions {
		_meets_one(expression)
	}
}

_meets_one(expression) if {
	expression.operator in {"In", "Exists"}
	_labels_of_cluster_admin[expression.key]
	_allows_value(expression)
}

_meets_one(expression) if {
	expression.operator in {"NotIn", "DoesNotExist"}
	not _labels_of_cluster_admin[expression.key]
}

_meets_one(expression) if {
	expression.operator == "NotIn"
	value := _labels_of_cluster_admin[expression.key]
	not value in expression.values
}

_allows_value(expression) if expression.operator == "Exists"

_allows_value(expression) if _labels_of_cluster_admin[expression.key] in expression.values

_labels_of_cluster_admin := {"kubernetes.io/bootstrapping": "rbac-defaults"}

_rules := rbac.rules if not _exempt

# Whoever may write cluster-admin has nothing to gain by it: the role that Kubernetes ships with is left alone.
_exempt if {
	input.review.kind.kind == "ClusterRole"
	input.review.object.metadata.name in _exempt_cluster_roles
}

default _exempt_cluster_roles := ["cluster-admin"]

_exempt_cluster_roles := input.parameters.exemptClusterRoles

default _aggregated := ""

_aggregated := sprintf(", and its label hands that on to everybody with the role %s", [concat(" or ", targets)]) if {
	targets := [target |
		some target in ["admin", "edit", "view"]
		label := concat("", ["rbac.authorization.k8s.io/aggregate-to-", target])
		input.review.object.metadata.labels[label] == "true"
	]
	count(targets) > 0
}
