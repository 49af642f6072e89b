# METADATA
# title: Level of the Pod Security Standards
# description: |
#   Which level of the Pod Security Standards, in which version, holds for the namespace of the object under review.
#   The labels of the namespace decide, as they do for the API server's own plug-in; where they say nothing, the
#   parameter `podSecurity` does: {"enforce": <level>, "warn": <level>}. A level is privileged, baseline or restricted.
#   What violates a control of the enforced level is denied, of the level to warn about is a warning.
package lockkeeper.lib.pod_security

# A violation of a control of this level is denied, when it is one in `enforced_minor`.
is_enforced(level) if _strictness[enforced_level] >= _strictness[level]

# A violation of a control of this level is a warning, when it is one in `warned_minor`; false where all is denied anyway.
is_warned(level) if {
	_strictness[warned_level] >= _strictness[level]
	not _is_denied_alike(level)
}

# The minor version of Kubernetes whose standard is enforced, or warned about.
enforced_minor := _minor(_labels["pod-security.kubernetes.io/enforce-version"]) if {
	_labels["pod-security.kubernetes.io/enforce-version"]
} else := _latest

warned_minor := _minor(_labels["pod-security.kubernetes.io/warn-version"]) if {
	_labels["pod-security.kubernetes.io/warn-version"]
} else := _minor(_labels["pod-security.kubernetes.io/audit-version"]) if {
	not _labels["pod-security.kubernetes.io/warn"]
	_labels["pod-security.kubernetes.io/audit"]
	_labels["pod-security.kubernetes.io/audit-version"]
} else := _latest

# The plug-in takes a level that it cannot read for the strictest where it enforces, and for none where it warns.
enforced_level := _level(_labels["pod-security.kubernetes.io/enforce"], "restricted") if {
	_labels["pod-security.kubernetes.io/enforce"]
} else := _level(input.parameters.podSecurity.enforce, "restricted") if {
	input.parameters.podSecurity.enforce
} else := "baseline"

# A namespace that is labelled privileged, and nothing else, is left alone.
warned_level := _level(_labels["pod-security.kubernetes.io/warn"], "privileged") if {
	_labels["pod-security.kubernetes.io/warn"]
} else := _level(_labels["pod-security.kubernetes.io/audit"], "privileged") if {
	_labels["pod-security.kubernetes.io/audit"]
} else := "privileged" if {
	_labels["pod-security.kubernetes.io/enforce"] == "privileged"
} else := _level(input.parameters.podSecurity.warn, "restricted") if {
	input.parameters.podSecurity.warn
} else := "restricted"

# Since 1.35 root in a user namespace of the pod's own is fine: on the node it is nobody.
is_relaxed_in(spec, minor) if {
	minor >= 35
	spec.hostUsers == false
}

# Since 1.25 a pod of Windows need not say what only Linux knows; the API server refuses it there.
is_exempt_in(spec, minor) if {
	minor >= 25
	spec.os.name == "windows"
}

_strictness := {"privileged": 0, "baseline": 1, "restricted": 2}

# The newest version that changed a control; "latest" and all later versions are the same standard.
_latest := 37

_is_denied_alike(level) if {
	is_enforced(level)
	enforced_minor == warned_minor
}

# Undefined in a namespace without labels, or whose labels are not known.
_labels := input.namespace.labels

_level(text, _) := text if _strictness[text]

_level(text, otherwise) := otherwise if not _strictness[text]

# "v1.28" is 28; what the plug-in cannot read is for it, too, the latest version.
_minor(text) := min([_latest, number]) if {
	startswith(text, "v1.")
	digits := substring(text, 3, -1)
	number := to_number(digits)
	format_int(number, 10) == digits
	number >= 0
} else := _latest
