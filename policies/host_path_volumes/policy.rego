# METADATA
# title: hostPath volumes
# description: |
#   A hostPath volume puts files of the node into a container. Through the runtime's socket, the kubelet's directory or
#   /etc this is a way to take over the node, and data in it stays behind when the pod moves. It warns until a label of
#   the namespace or the configuration enforces the baseline, for node agents need it.
# custom:
#   severity: high
#   controls: ["PSS:baseline:hostPathVolumes", "CIS:5.2.12", "MITRE:T1611", "NIST:SP800-190:4.5.5"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: privileged, warn: restricted}
package lockkeeper.host_path_volumes

import data.lockkeeper.lib.pod_security
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
	is_array(spec.volumes)
	some i, volume in spec.volumes
	volume.hostPath != null
	directory := _directory(volume.hostPath)
	violation := {
		"msg": sprintf(`volume "%s" mounts %s of the node: what is in it can be read and, unless mounted read-only, changed`, [
			workload.name(volume),
			directory,
		]),
		"path": concat("", [pointer, "/volumes/", format_int(i, 10), "/hostPath"]),
		"details": {"volume": workload.name(volume), "hostPath": directory},
		"remedy": {"text": "use a persistentVolumeClaim, emptyDir, configMap or secret volume instead"},
	}
}

default _directory(_) := "a directory"

_directory(source) := source.path if is_string(source.path)
