# METADATA
# title: AppArmor profiles
# description: |
#   AppArmor confines what a container may read, write and mount, on nodes that have it. A container that is unconfined
#   lacks this last barrier when it runs with more rights than it should.
# custom:
#   severity: medium
#   controls: ["PSS:baseline:appArmorProfile", "CIS:5.7.3", "NIST:SP800-190:4.4.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.app_armor_profile

import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("baseline")
	some violation in _violations
}

warn contains violation if {
	pod_security.is_warned("baseline")
	some violation in _violations
}

_violations contains violation if {
	some pointer, spec in workload.pod_specs
	profile := spec.securityContext.appArmorProfile
	_is_bad_field(profile)
	path := concat("", [pointer, "/securityContext/appArmorProfile"])
	violation := _violation("the pod", "", path, [path])
}

_violations contains violation if {
	some template_pointer, template in workload.pod_templates
	some list in workload.container_lists
	some i, container in template.spec[list]
	_is_bad_field(container.securityContext.appArmorProfile)
	not _is_bad_annotation(template, _annotation(workload.name(container)))
	path := concat("", [template_pointer, "/spec/", list, "/", format_int(i, 10), "/securityContext/appArmorProfile"])
	label := workload.label({"list": list, "container": container})
	violation := _violation(label, workload.name(container), path, [path])
}

# The annotation came before the field. The API server copies it to the field of the container, so both are one violation.
_violations contains violation if {
	some template_pointer, template in workload.pod_templates
	some key, _ in template.metadata.annotations
	startswith(key, _annotation(""))
	_is_bad_annotation(template, key)
	name := substring(key, count(_annotation("")), -1)
	path := concat("", [template_pointer, "/metadata/annotations/", pointer.segment(key)])
	copies := [copy |
		some list in workload.container_lists
		some i, container in template.spec[list]
		workload.name(container) == name
		container.securityContext.appArmorProfile
		copy := concat("", [template_pointer, "/spec/", list, "/", format_int(i, 10), "/securityContext/appArmorProfile"])
	]
	violation := _violation(sprintf(`container "%s"`, [name]), name, path, array.concat([path], copies))
}

_is_bad_field(profile) if {
	is_object(profile)
	type := object.get(profile, "type", null)
	not type in {"RuntimeDefault", "Localhost"}
}

_is_bad_annotation(template, key) if {
	value := template.metadata.annotations[key]
	not value in {"", "runtime/default", null}
	not startswith(value, "localhost/")
}

_annotation(container) := concat("", ["container.apparmor.security.beta.kubernetes.io/", container])

_violation(label, name, path, removed) := {
	"msg": sprintf("%s is not confined by AppArmor", [label]),
	"path": path,
	"details": {"container": name},
	"remedy": {
		"text": "remove the profile: the container runtime's own then applies",
		"patch": [{"op": "remove", "path": each} | some each in removed],
	},
}
