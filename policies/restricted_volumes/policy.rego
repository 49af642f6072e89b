# METADATA
# title: Volume types
# description: |
#   Volumes of types such as nfs, iscsi or rbd name a server and its credentials in the pod itself, past what the cluster
#   says about storage. A persistentVolumeClaim leaves that to the cluster.
# custom:
#   severity: low
#   controls: ["PSS:restricted:restrictedVolumes"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.restricted_volumes

import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("restricted")
	some violation in _violations
}

warn contains violation if {
	pod_security.is_warned("restricted")
	some violation in _violations
}

# hostPath is what host_path_volumes looks at. A volume without any type is an emptyDir to the API server.
_violations contains violation if {
	some pointer, spec in workload.pod_specs
	is_array(spec.volumes)
	some i, volume in spec.volumes
	some type, source in volume
	source != null
	not type in _plain_members
	not _has_allowed_type(volume)
	path := concat("", [pointer, "/volumes/", format_int(i, 10)])
	violation := {
		"msg": sprintf(`volume "%s" is of the type %s`, [workload.name(volume), type]),
		"path": concat("", [path, "/", type]),
		"details": {"volume": workload.name(volume), "type": type},
		"remedy": {"text": "use a persistentVolumeClaim, csi or ephemeral volume instead"},
	}
}

_plain_members := {"name", "hostPath"}

_has_allowed_type(volume) if {
	some type in _allowed_types
	object.get(volume, type, null) != null
}

# Pod Security Standards 1.37, restricted, "Volume Types".
_allowed_types := [
	"configMap",
	"csi",
	"downwardAPI",
	"emptyDir",
	"ephemeral",
	"image",
	"persistentVolumeClaim",
	"projected",
	"secret",
]
