# METADATA
# title: Seccomp profiles
# description: |
#   Seccomp keeps a container from the system calls that it does not need, among them those behind most escapes to the
#   node. Unconfined switches it off.
# custom:
#   severity: medium
#   controls: ["PSS:baseline:seccompProfile_baseline", "CIS:5.7.2", "NIST:SP800-190:4.4.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.seccomp_profile

import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("baseline")
	some violation in _violations(pod_security.enforced_minor)
}

warn contains violation if {
	pod_security.is_warned("baseline")
	some violation in _violations(pod_security.warned_minor)
}

_violations(minor) := _bad_fields if minor >= 19

# Before 1.19 there were annotations only.
_violations(minor) := _bad_annotations if minor < 19

_bad_fields contains violation if {
	some pointer, spec in workload.pod_specs
	_is_bad(spec.securityContext.seccompProfile)
	violation := _bad_field("the pod", "", pointer)
}

_bad_fields contains violation if {
	some pointer, entry in workload.containers
	_is_bad(entry.container.securityContext.seccompProfile)
	violation := _bad_field(workload.label(entry), workload.name(entry.container), pointer)
}

_is_bad(profile) if {
	is_object(profile)
	type := object.get(profile, "type", null)
	not type in {"RuntimeDefault", "Localhost"}
}

_bad_field(label, name, pointer) := {
	"msg": sprintf("%s may make every system call: its seccompProfile is neither RuntimeDefault nor Localhost", [label]),
	"path": concat("", [path, "/type"]),
	"details": {"container": name},
	"remedy": {
		"text": "set seccompProfile.type to RuntimeDefault",
		"patch": [{"op": "replace", "path": path, "value": {"type": "RuntimeDefault"}}],
	},
} if {
	path := concat("", [pointer, "/securityContext/seccompProfile"])
}

_bad_annotations contains violation if {
	some template_pointer, template in workload.pod_templates
	some key, value in template.metadata.annotations
	_is_seccomp_annotation(template, key)
	not value in {"runtime/default", "docker/default"}
	not startswith(value, "localhost/")
	path := concat("", [template_pointer, "/metadata/annotations/", pointer.segment(key)])
	violation := {
		"msg": sprintf("the annotation %s is %v: every system call may be made", [key, value]),
		"path": path,
		"details": {"annotation": key},
		"remedy": {
			"text": "set the annotation to runtime/default",
			"patch": [{"op": "replace", "path": path, "value": "runtime/default"}],
		},
	}
}

_is_seccomp_annotation(_, "seccomp.security.alpha.kubernetes.io/pod")

_is_seccomp_annotation(template, key) if {
	startswith(key, "container.seccomp.security.alpha.kubernetes.io/")
	some list in workload.container_lists
	some container in template.spec[list]
	key == concat("", ["container.seccomp.security.alpha.kubernetes.io/", workload.name(container)])
}
