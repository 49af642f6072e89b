# METADATA
# title: hostPath volumes
# description: |
#   A hostPath volume puts files of the node into a container. Through the runtime's socket, the kubelet's directory or
#   /etc this is a way to take over the node, and data in it stays behind when the pod moves.
# custom:
#   severity: high
#   controls: ["PSS:baseline:hostPathVolumes", "CIS:5.2.12", "MITRE:T1611"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters: {}
package lockkeeper.host_path_volumes

import data.lockkeeper.lib.workload

deny contains violation if {
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
