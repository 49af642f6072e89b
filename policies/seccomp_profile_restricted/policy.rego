# METADATA
# title: Pods without a seccomp profile
# description: |
#   Where nothing names a seccomp profile, whether a container may make every system call depends on how the kubelet of its
#   node is set up. Most may.
# custom:
#   severity: low
#   controls: ["PSS:restricted:seccompProfile_restricted", "CIS:5.7.2", "NIST:SP800-190:4.4.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.seccomp_profile_restricted

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

# A profile that is there and wrong is what seccomp_profile looks at.
_violations(minor) := {violation |
	minor >= 19
	some pointer, spec in workload.pod_specs
	not _has_profile(spec)
	not pod_security.is_exempt_in(spec, minor)
	names := [workload.name(container) |
		some list in workload.container_lists
		some container in spec[list]
		is_object(container)
		not _has_profile(container)
	]
	count(names) > 0
	violation := {
		"msg": sprintf("no seccomp profile is named for %s", [concat(", ", names)]),
		"path": concat("", [pointer, "/securityContext/seccompProfile"]),
		"details": {"containers": names},
		"remedy": {
			"text": "set securityContext.seccompProfile of the pod to RuntimeDefault",
			"patch": patch.set(spec, pointer, ["securityContext", "seccompProfile"], {"type": "RuntimeDefault"}),
		},
	}
}

_has_profile(owner) if is_object(owner.securityContext.seccompProfile)
