# METADATA
# title: Workloads
# description: |
#   The pod templates, pod specs and containers inside the object under review, each with its JSON pointer.
#   Where a kind keeps them is a row of the table `data.lockkeeper.workloads`; a `*` in its path stands for every
#   list index or key, at most three times in one path.
package lockkeeper.lib.workload

import data.lockkeeper.lib.pointer

# These are objects keyed by pointer, not sets: a set would hash every template and container that it holds.

# pod_templates[pointer] is an object with `metadata` and `spec`; a Pod is its own template, at "".
pod_templates[path] := template if some path, template in _inner_templates

pod_templates[""] := input.review.object if "" in _paths

# Apart from Pods, and without what no template stands in: what asks for the specs only does not depend on the metadata of
# the object, which is another one for each Pod of a ReplicaSet.
_inner_templates[path] := template if {
	some path in _paths
	path != ""
	not contains(path, "*")
	template := _get(_content, pointer.keys(path))
	is_object(template)
}

_inner_templates[path] := template if {
	some [first, second] in _chunked_paths
	some key, value in _get(_content, first)
	template := _get(value, second)
	is_object(template)
	path := _joined([first, [key], second])
}

_inner_templates[path] := template if {
	some [first, second, third] in _chunked_paths
	some key, value in _get(_content, first)
	some inner_key, inner_value in _get(value, second)
	template := _get(inner_value, third)
	is_object(template)
	path := _joined([first, [key], second, [inner_key], third])
}

_inner_templates[path] := template if {
	some [first, second, third, fourth] in _chunked_paths
	some key, value in _get(_content, first)
	some inner_key, inner_value in _get(value, second)
	some innermost_key, innermost_value in _get(inner_value, third)
	template := _get(innermost_value, fourth)
	is_object(template)
	path := _joined([first, [key], second, [inner_key], third, [innermost_key], fourth])
}

_content := object.remove(input.review.object, ["metadata", "status"])

# pod_specs[pointer] is the `spec` of a pod template.
pod_specs[path] := spec if {
	some template_path, template in _inner_templates
	spec := template.spec
	is_object(spec)
	path := concat("", [template_path, "/spec"])
}

pod_specs["/spec"] := spec if {
	"" in _paths
	spec := input.review.object.spec
	is_object(spec)
}

# containers[pointer] is {"list": the name of its list, "container": the container itself, "spec": its pod spec}.
containers[path] := {"list": list, "container": container, "spec": spec} if {
	some spec_path, spec in pod_specs
	some list in container_lists
	is_array(spec[list])
	some i, container in spec[list]
	is_object(container)
	path := concat("", [spec_path, "/", list, "/", format_int(i, 10)])
}

# The three lists of containers in a pod spec.
container_lists := ["containers", "initContainers", "ephemeralContainers"]

# How messages call a container; it is a call to the host, so only for what is reported.
label(entry) := sprintf(`%s "%s"`, [_list_labels[entry.list], name(entry.container)])

# The `name` of a container, volume or other list item; "" where it has none.
default name(_) := ""

name(item) := item.name if is_string(item.name)

_list_labels := {
	"containers": "container",
	"initContainers": "init container",
	"ephemeralContainers": "ephemeral container",
}

_paths contains entry.path if {
	is_object(input.review.object)
	some entry in data.lockkeeper.workloads
	entry.kind == input.review.kind.kind
	entry.group == input.review.kind.group
}

# What is before, between and behind the stars of a path, as lists of keys.
_chunked_paths contains chunks if {
	some path in _paths
	contains(path, "*")
	keys := pointer.keys(path)
	stars := [i | some i, key in keys; key == "*"]
	starts := array.concat([0], [start | some i in stars; start := i + 1])
	ends := array.concat(stars, [count(keys)])
	chunks := [chunk | some i, start in starts; chunk := array.slice(keys, start, ends[i])]
}

_joined(lists) := pointer.join([key | some list in lists; some key in list])

_get(value, []) := value

_get(value, keys) := object.get(value, keys, null) if {
	count(keys) > 0
	is_object(value)
}
