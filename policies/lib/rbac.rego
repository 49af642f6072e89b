# METADATA
# title: Roles and bindings
# description: The rules of the Role or ClusterRole under review, what they grant, and how messages call a subject.
package lockkeeper.lib.rbac

import data.lockkeeper.lib.workload

# rules[i] is a rule that somebody wrote.
rules[i] := rule if {
	not _is_written_by_kubernetes
	is_array(input.review.object.rules)
	some i, rule in input.review.object.rules
	is_object(rule)
}

# Every verb on every resource is one mistake and the finding of one policy, wildcard_rbac.
narrower_rules[i] := rule if {
	some i, rule in rules
	not grants_everything(rule)
}

# Those that name their resources: of a rule for every resource, wildcard_rbac says what it covers.
specific_rules[i] := rule if {
	some i, rule in rules
	not "*" in rule.resources
}

grants_everything(rule) if {
	"*" in rule.verbs
	"*" in rule.resources
	"*" in rule.apiGroups
	is_unnamed(rule)
}

# The rule is not restricted to objects of certain names.
is_unnamed(rule) if object.get(rule, "resourceNames", []) in [[], null]

# What a rule grants of a table {"<resource>[.<group>][/<subresource>]": [<verb>, …]}: the resources in question and, of the verbs, those
# that it allows. Undefined where it grants none.
grant(rule, table) := {"resources": sort(resources), "verbs": sort(verbs)} if {
	granted := {resource: allowed |
		some resource, wanted in table
		[name, group] := _resource_and_group(resource)
		_has_group(rule, group)
		_has_resource(rule, name)
		allowed := _allowed(rule, wanted)
	}
	resources := {resource | some resource, allowed in granted; count(allowed) > 0}
	count(resources) > 0
	verbs := {verb | some allowed in granted; some verb in allowed}
}

# The same as a phrase, for messages.
phrase(granted) := sprintf("%s on %s", [concat(", ", granted.verbs), concat(", ", granted.resources)])

pointer(i) := concat("", ["/rules/", format_int(i, 10)])

# Where a role can reach: a ClusterRole may be bound in all namespaces at once.
reach := "in every namespace, once it is bound in the whole cluster" if input.review.kind.kind == "ClusterRole"

reach := "in its namespace" if input.review.kind.kind == "Role"

# subjects[i] is a subject of the binding under review.
subjects[i] := subject if {
	not _is_written_by_kubernetes
	is_array(input.review.object.subjects)
	some i, subject in input.review.object.subjects
	is_object(subject)
}

subject_pointer(i) := concat("", ["/subjects/", format_int(i, 10)])

# `Group "team-a"`, for messages.
subject_label(subject) := sprintf(`%s "%s"`, [_subject_kind(subject), _subject_name(subject)])

# `Group:team-a`, for parameters and details.
subject_key(subject) := concat(":", [_subject_kind(subject), _subject_name(subject)])

default _subject_kind(_) := "subject"

_subject_kind(subject) := subject.kind if is_string(subject.kind)

_subject_name(subject) := concat("/", [subject.namespace, workload.name(subject)]) if {
	is_string(subject.namespace)
} else := workload.name(subject)

# The API server makes the roles and bindings it needs whenever it starts, and ends where it cannot.
_is_written_by_kubernetes if input.review.userInfo.username == "system:apiserver"

# The rules of an aggregated ClusterRole are those of the selected ones, each of which is judged itself. Without a service
# account for each controller the controller manager writes them.
_is_written_by_kubernetes if {
	input.review.object.aggregationRule
	input.review.userInfo.username in {
		"system:serviceaccount:kube-system:clusterrole-aggregation-controller",
		"system:kube-controller-manager",
	}
}

# `certificatesigningrequests.certificates.k8s.io/approval`: the resource as rules write it, with its subresource, and its
# API group.
_resource_and_group(text) := [name, group] if {
	parts := split(text, "/")
	dot := indexof(concat("", [parts[0], "."]), ".")
	name := concat("/", array.concat([substring(parts[0], 0, dot)], array.slice(parts, 1, count(parts))))
	group := trim_left(substring(parts[0], dot, -1), ".")
}

_has_group(rule, group) if group in rule.apiGroups

_has_group(rule, _) if "*" in rule.apiGroups

_has_resource(rule, name) if name in rule.resources

_has_resource(rule, _) if "*" in rule.resources

# `*/scale` is that subresource of every resource.
_has_resource(rule, name) if {
	slash := indexof(name, "/")
	slash > 0
	concat("", ["*", substring(name, slash, -1)]) in rule.resources
}

_allowed(rule, wanted) := wanted if "*" in rule.verbs

_allowed(rule, wanted) := [verb | some verb in wanted; verb in rule.verbs] if not "*" in rule.verbs
