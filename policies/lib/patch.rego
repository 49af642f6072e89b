# METADATA
# title: Patches
# description: Makes JSON patches (RFC 6902) for remedies.
package lockkeeper.lib.patch

import data.lockkeeper.lib.pointer

# Sets a member deep inside the value at `path`; the objects that lack on the way to it are made. At most three keys.
set(value, path, keys, new) := [{"op": "add", "path": concat("", [path, pointer.join(parents)]), "value": member}] if {
	depth := count([i |
		some i in [1, 2]
		i < count(keys)
		_is_object_at(value, array.slice(keys, 0, i))
	])
	parents := array.slice(keys, 0, depth + 1)
	member := _nested(array.slice(keys, depth + 1, count(keys)), new)
}

_is_object_at(value, keys) if is_object(object.get(value, keys, null))

_nested([], value) := value

_nested([key], value) := {key: value}

_nested([first, second], value) := {first: {second: value}}
