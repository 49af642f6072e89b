# METADATA
# title: Options that switch authentication off
# description: |
#   Dashboards, kubelets and databases that were started with such an option belong to whoever finds them, with all the
#   rights of their accounts. Options that were meant for one test stay.
# custom:
#   severity: high
#   controls: ["MITRE:T1133", "NIST:SP800-53:AC-14"]
#   docs: https://attack.mitre.org/techniques/T1133/
#   match:
#     workloads: true
#   parameters:
#     # Options that are expected here, without dashes: `enable-insecure-login` behind a proxy with TLS.
#     allowedFlags: []
package lockkeeper.insecure_flags

import data.lockkeeper.lib.workload

# No message holds a value: the next word may be a password.

warn contains violation if {
	some pointer, entry in workload.containers
	some [field, i, name, value] in _options(entry.container)
	some row in data.lockkeeper["insecure-flags"].list[name]
	not name in _allowed_flags
	_is_insecure(row, value)
	_is_program(entry.container, row.programs)
	violation := {
		"msg": sprintf("%s is started with %s: %s", [workload.label(entry), name, row.danger]),
		"path": concat("", [pointer, "/", field, "/", format_int(i, 10)]),
		"details": {"container": workload.name(entry.container), "flag": name},
		"remedy": {"text": "remove the option, and let people log in"},
	}
}

warn contains violation if {
	some pointer, entry in workload.containers
	some program, row in data.lockkeeper["insecure-flags"].required
	container := entry.container
	_is_program(container, [program])
	not row.flag in _allowed_flags
	not _is_protected(container, row)
	violation := {
		"msg": sprintf("%s is started without %s: %s", [workload.label(entry), row.flag, row.danger]),
		"path": pointer,
		"details": {"container": workload.name(entry.container), "flag": row.flag},
		"remedy": {"text": sprintf("set %s, or let it listen on localhost only", [row.flag])},
	}
}

# [field, index, name, value] of every option, in lower case: `--name=value`, `--name value` and, in a shell's text, either.
_options(container) := {[field, i, name, value] |
	some field in ["command", "args"]
	is_array(container[field])
	some i, word in container[field]
	_may_be_option(word)
	parts := split(word, " ")
	some j, part in parts
	startswith(part, "-")
	name := lower(trim_left(split(part, "=")[0], "-"))
	data.lockkeeper["insecure-flags"].list[name]
	value := _value(part, array.concat(
		array.slice(parts, j + 1, j + 2),
		[next | next := container[field][i + 1]; is_string(next)],
	))
}

_may_be_option(word) if startswith(word, "-")

_may_be_option(word) if contains(word, " -")

_value(part, _) := lower(trim(substring(part, indexof(part, "=") + 1, -1), `"'`)) if contains(part, "=")

_value(part, following) := lower(following[0]) if {
	not contains(part, "=")
	count(following) > 0
}

_value(part, []) := "" if not contains(part, "=")

_is_insecure(row, value) if {
	row.boolean
	not value in {"false", "0", "f"}
}

_is_insecure(row, value) if {
	some item in split(value, ",")
	item in row.values
}

_is_insecure(row, value) if {
	some item in split(value, ",")
	some prefix in row.prefixes
	startswith(item, prefix)
}

_is_insecure(row, value) if {
	row.except
	not value in row.except
}

# By the last part of the image's name, or by a word of the command.
_is_program(container, programs) if {
	is_string(container.image)
	segments := split(container.image, "/")
	name := split(segments[count(segments) - 1], ":")[0]
	some program in programs
	contains(name, program)
}

_is_program(container, programs) if {
	some field in ["command", "args"]
	is_array(container[field])
	some word in container[field]
	some part in split(word, " ")
	segments := split(part, "/")
	segments[count(segments) - 1] in programs
}

_is_protected(container, row) if {
	some field in ["command", "args"]
	some word in container[field]
	startswith(word, concat("", ["--", row.flag]))
	not endswith(word, "=false")
}

_is_protected(container, row) if {
	some variable in container.env
	variable.name == row.variable
	variable.value in {"1", "true"}
}

_is_protected(container, row) if {
	some field in ["command", "args"]
	some word in container[field]
	some address in ["localhost:", "127.0.0.1:"]
	word == concat("", ["--", row.local, "=", address, "44134"])
}

_allowed_flags := {flag | some flag in input.parameters.allowedFlags}
