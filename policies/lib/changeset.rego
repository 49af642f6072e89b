# METADATA
# title: Changes
# description: |
#   The objects before and after a change, and what selects which workloads. Objects are equal when kind, namespace and
#   name are.
package lockkeeper.lib.changeset

import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

# before[i] is what is there before the change i, after[i] what is there with it.
before[i] := change.oldObject if {
	some i, change in input.changes
	is_object(change.oldObject)
}

after[i] := change.object if {
	some i, change in input.changes
	is_object(change.object)
}

# updates[i] is a change of what stays: {"old", "new"}.
updates[i] := {"old": before[i], "new": manifest} if some i, manifest in after

# `Deployment shop/web`, in messages and to compare. It is made for every object, and sprintf is a call to the host.
label(manifest) := concat("", [manifest.kind, " ", manifest.metadata.namespace, "/", workload.name(manifest.metadata)]) if {
	is_string(manifest.kind)
	is_string(manifest.metadata.namespace)
} else := concat(" ", [manifest.kind, workload.name(manifest.metadata)]) if {
	is_string(manifest.kind)
}

# The indices of the changes of objects that are called so.
indices(labels) := sort({i | some each in labels; some i in _indices[each]})

_indices[label(manifest)] contains i if some i, manifest in before

_indices[label(manifest)] contains i if some i, manifest in after

group(manifest) := split(manifest.apiVersion, "/")[0] if {
	contains(manifest.apiVersion, "/")
} else := ""

# The workloads among objects: the labels of their pods by `label`, with the namespace.
workloads(objects) := {label(manifest): {"namespace": namespace(manifest), "labels": labels} |
	some manifest in objects
	labels := _pod_labels(manifest)
}

default namespace(_) := ""

namespace(manifest) := manifest.metadata.namespace if is_string(manifest.metadata.namespace)

_pod_labels(manifest) := [labels |
	some entry in data.lockkeeper.workloads
	entry.kind == manifest.kind
	entry.group == group(manifest)
	keys := pointer.keys(entry.path)
	not "*" in keys
	template := _get(manifest, keys)
	is_object(template)
	labels := _map(object.get(template, ["metadata", "labels"], {}))
][0]

_get(value, []) := value

_get(value, keys) := object.get(value, keys, null) if count(keys) > 0

default _map(_) := {}

_map(value) := value if is_object(value)

# The workloads of before and of after that an object selects by their pods: what it selects by is `selector`, see there.
selected_before(manifest) := _selected(manifest, workloads_before, _index_before)

selected_after(manifest) := _selected(manifest, workloads_after, _index_after)

workloads_before := workloads(before)

workloads_after := workloads(after)

# Workloads by namespace, by label and its value: a selector names labels mostly, and trying every workload for every
# selector would take a time that grows with the square of the change.
_index_before[workload_namespace][key][value] contains name if {
	some name, {"namespace": workload_namespace, "labels": labels} in workloads_before
	some key, value in labels
}

_index_after[workload_namespace][key][value] contains name if {
	some name, {"namespace": workload_namespace, "labels": labels} in workloads_after
	some key, value in labels
}

_selected(manifest, candidates, index) := {name |
	wanted := selector(manifest)
	own := namespace(manifest)
	some name in _likely(wanted, own, candidates, index)
	candidate := candidates[name]
	candidate.namespace == own
	matches(wanted, candidate.labels)
}

# Those with the rarest of the labels that the selector names; all of them where it names none.
_likely(wanted, own, _, index) := [each | some each in named; count(each) == fewest][0] if {
	named := [names |
		some key, value in _map(object.get(wanted, "matchLabels", {}))
		names := object.get(index, [own, key, value], set())
	]
	fewest := min([count(names) | some names in named])
}

_likely(wanted, _, candidates, _) := object.keys(candidates) if count(_map(object.get(wanted, "matchLabels", {}))) == 0

# What a Service, a NetworkPolicy or a PodDisruptionBudget selects pods by. A Service without a selector selects none.
selector(manifest) := {"matchLabels": manifest.spec.selector} if {
	manifest.kind == "Service"
	group(manifest) == ""
	count(manifest.spec.selector) > 0
}

selector(manifest) := _map(object.get(manifest, ["spec", "podSelector"], {})) if {
	manifest.kind == "NetworkPolicy"
	group(manifest) in {"extensions", "networking.k8s.io"}
}

selector(manifest) := _map(manifest.spec.selector) if {
	manifest.kind == "PodDisruptionBudget"
	group(manifest) == "policy"
}

# Whether a selector takes labels; an empty one takes all.
matches(wanted, labels) if {
	every key, value in _map(object.get(wanted, "matchLabels", {})) {
		labels[key] == value
	}
	expressions := [each | some each in object.get(wanted, "matchExpressions", [])]
	every expression in expressions {
		_holds(expression, labels)
	}
}

_holds(expression, labels) if {
	expression.operator == "In"
	labels[expression.key] in expression.values
}

_holds(expression, labels) if {
	expression.operator == "NotIn"
	not _has_one_of(labels, expression)
}

_holds(expression, labels) if {
	expression.operator == "Exists"
	_has(labels, expression.key)
}

_holds(expression, labels) if {
	expression.operator == "DoesNotExist"
	key := expression.key
	not _has(labels, key)
}

_has(labels, key) if is_string(labels[key])

_has_one_of(labels, expression) if labels[expression.key] in expression.values
