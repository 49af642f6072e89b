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

# `Deployment shop/web`, in messages and to compare.
label(manifest) := sprintf("%s %s/%s", [manifest.kind, manifest.metadata.namespace, workload.name(manifest.metadata)]) if {
	is_string(manifest.metadata.namespace)
} else := sprintf("%s %s", [manifest.kind, workload.name(manifest.metadata)])

# The indices of the changes of objects that are called so.
indices(labels) := sort({i |
	some objects in [before, after]
	some i, manifest in objects
	label(manifest) in labels
})

group(manifest) := split(manifest.apiVersion, "/")[0] if contains(manifest.apiVersion, "/")

group(manifest) := "" if not contains(manifest.apiVersion, "/")

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
	not contains(entry.path, "*")
	template := _get(manifest, pointer.keys(entry.path))
	is_object(template)
	labels := _map(object.get(template, ["metadata", "labels"], {}))
][0]

_get(value, []) := value

_get(value, keys) := object.get(value, keys, null) if count(keys) > 0

default _map(_) := {}

_map(value) := value if is_object(value)

# The workloads that an object selects by their pods: what it selects by is `selector`, see there.
selected(manifest, candidates) := {name |
	wanted := selector(manifest)
	some name, candidate in candidates
	candidate.namespace == namespace(manifest)
	matches(wanted, candidate.labels)
}

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
	not _has(labels, expression.key)
}

_has(labels, key) if is_string(labels[key])

_has_one_of(labels, expression) if labels[expression.key] in expression.values
