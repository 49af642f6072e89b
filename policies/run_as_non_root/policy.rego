# METADATA
# title: Containers that may run as root
# description: |
#   Root in a container is root on the node when it gets out. With runAsNonRoot the kubelet does not start a container
#   whose image or manifest makes it root.
# custom:
#   severity: low
#   controls: ["PSS:restricted:runAsNonRoot", "CIS:5.2.7"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.run_as_non_root

import data.lockkeeper.lib.patch
import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("restricted")
	some violation in _violations(pod_security.enforced_minor)
}

warn contains violation if {
	pod_security.is_warned("restricted")
	some violation in _violations(pod_security.warned_minor)
}

_violations(minor) := _explicit_violations(minor) | _implicit_violations(minor)

_explicit_violations(minor) := {violation |
	some pointer, spec in workload.pod_specs
	not pod_security.is_relaxed_in(spec, minor)
	spec.securityContext.runAsNonRoot == false
	violation := _explicit("the pod", "", pointer)
} | {violation |
	some pointer, entry in workload.containers
	entry.container.securityContext.runAsNonRoot == false
	spec := entry.spec
	not pod_security.is_relaxed_in(spec, minor)
	violation := _explicit(workload.label(entry), workload.name(entry.container), pointer)
}

# Containers that leave it open, in a pod that leaves it open, too.
_implicit_violations(minor) := {violation |
	some pointer, spec in workload.pod_specs
	not _says_something(spec)
	not pod_security.is_relaxed_in(spec, minor)
	names := [workload.name(container) |
		some list in workload.container_lists
		some container in spec[list]
		is_object(container)
		not _says_something(container)
	]
	count(names) > 0
	violation := {
		"msg": sprintf("root is not ruled out for %s", [concat(", ", names)]),
		"path": concat("", [pointer, "/securityContext/runAsNonRoot"]),
		"details": {"containers": names},
		"remedy": {
			"text": "set securityContext.runAsNonRoot of the pod to true; the image must name another user than root",
			"patch": patch.set(spec, pointer, ["securityContext", "runAsNonRoot"], true),
		},
	}
}

_says_something(owner) if is_boolean(owner.securityContext.runAsNonRoot)

_explicit(label, name, pointer) := {
	"msg": sprintf("%s may run as root: runAsNonRoot is false", [label]),
	"path": path,
	"details": {"container": name},
	"remedy": {
		"text": "set runAsNonRoot to true; the image must name another user than root",
		"patch": [{"op": "replace", "path": path, "value": true}],
	},
} if {
	path := concat("", [pointer, "/securityContext/runAsNonRoot"])
}
