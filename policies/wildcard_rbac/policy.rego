# METADATA
# title: Wildcards in roles
# description: |
#   A role with `*` also allows what its author never thought of: Secrets, impersonation, kinds that are installed next
#   year. `*` for everything is cluster-admin by another name and is denied; single wildcards are a warning.
# custom:
#   severity: high
#   controls: ["CIS:5.1.3"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters:
#     exemptClusterRoles: [cluster-admin]
package lockkeeper.wildcard_rbac

deny contains violation if {
	some i, rule in _rules
	_everything(rule)
	violation := {
		"msg": sprintf("rule %d allows every verb on every resource of every API group%s", [i, _aggregated]),
		"path": concat("", ["/rules/", format_int(i, 10)]),
		"details": {"wildcards": ["apiGroups", "resources", "verbs"]},
		"remedy": {"text": "name the verbs, resources and API groups that are needed"},
	}
}

# An empty selector selects every ClusterRole, cluster-admin among them.
deny contains violation if {
	not _exempt
	selectors := input.review.object.aggregationRule.clusterRoleSelectors
	is_array(selectors)
	some i, selector in selectors
	_selects_everything(selector)
	violation := {
		"msg": sprintf("aggregation selector %d is empty: the role gets the rules of every ClusterRole", [i]),
		"path": concat("", ["/aggregationRule/clusterRoleSelectors/", format_int(i, 10)]),
		"details": {"wildcards": ["clusterRoleSelectors"]},
		"remedy": {"text": "select the ClusterRoles by a label of their own"},
	}
}

warn contains violation if {
	some i, rule in _rules
	not _everything(rule)
	some field, meaning in _fields
	is_array(rule[field])
	some j, value in rule[field]
	_is_wildcard(value)
	violation := {
		"msg": sprintf("rule %d allows %s (%s)%s", [i, meaning, value, _aggregated]),
		"path": concat("", ["/rules/", format_int(i, 10), "/", field, "/", format_int(j, 10)]),
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

_everything(rule) if {
	"*" in rule.verbs
	"*" in rule.resources
	"*" in rule.apiGroups
	object.get(rule, "resourceNames", []) in [[], null]
}

_selects_everything(selector) if {
	is_object(selector)
	object.get(selector, "matchLabels", {}) in [{}, null]
	object.get(selector, "matchExpressions", []) in [[], null]
}

_rules := input.review.object.rules if {
	not _exempt
	is_array(input.review.object.rules)
}

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
