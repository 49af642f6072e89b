# METADATA
# title: Volumes in memory
# description: |
#   An `emptyDir` with `medium: Memory` is the node's memory. Without a size limit a pod fills it file by file, and it is the
#   neighbours that are stopped; what is written there counts against the memory limit of the containers that write.
# custom:
#   severity: low
#   controls: ["NIST:SP800-53:SC-6"]
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
#   match:
#     workloads: true
#   parameters: {}
package lockkeeper.memory_volumes

import data.lockkeeper.lib.quantity
import data.lockkeeper.lib.workload

warn contains violation if {
	some pointer, spec in workload.pod_specs
	is_array(spec.volumes)
	some i, volume in spec.volumes
	source := volume.emptyDir
	source.medium == "Memory"
	not _has_limit(source)
	violation := {
		"msg": sprintf(`volume "%s" is in memory and has no sizeLimit`, [workload.name(volume)]),
		"path": concat("", [pointer, "/volumes/", format_int(i, 10), "/emptyDir"]),
		"details": {"volume": workload.name(volume)},
		"remedy": {"text": "name a sizeLimit that is a part of the containers' memory limit"},
	}
}

# 0 means none.
_has_limit(source) if quantity.value(source.sizeLimit) > 0
