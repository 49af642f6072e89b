# METADATA
# title: JSON pointers
# description: Makes and takes apart JSON pointers (RFC 6901).
package lockkeeper.lib.pointer

# The pointer that leads through these keys and list indices.
join(keys) := concat("", [text |
	some key in keys
	text := concat("", ["/", segment(key)])
])

# One key or list index as it is written in a pointer.
segment(key) := format_int(key, 10) if is_number(key)

segment(key) := key if {
	is_string(key)
	not _needs_escape(key)
}

# `replace` is a call to the host in Wasm: only for the few keys that need it.
segment(key) := replace(replace(key, "~", "~0"), "/", "~1") if {
	is_string(key)
	_needs_escape(key)
}

# The keys of a pointer, unescaped; list indices stay strings.
keys("") := []

keys(pointer) := array.slice(parts, 1, count(parts)) if {
	startswith(pointer, "/")
	not contains(pointer, "~")
	parts := split(pointer, "/")
}

keys(pointer) := array.slice(parts, 1, count(parts)) if {
	startswith(pointer, "/")
	contains(pointer, "~")
	parts := [key |
		some part in split(pointer, "/")
		key := _unescape(part)
	]
}

_needs_escape(key) if contains(key, "/")

_needs_escape(key) if contains(key, "~")

_unescape(part) := part if not contains(part, "~")

_unescape(part) := replace(replace(part, "~1", "/"), "~0", "~") if contains(part, "~")
