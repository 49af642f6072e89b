# METADATA
# title: Ways to take over a node
# description: |
#   A privileged container that sees the node's processes, or any container that has the directories in which the node's
#   system, keys or kubelet live, is root on the node. DaemonSets are left out: agents of nodes need such things.
# custom:
#   severity: critical
#   controls: ["CIS:5.2.2", "CIS:5.2.3", "CIS:5.2.12", "MITRE:T1611", "NIST:SP800-190:4.5.5"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
#     paths:
#       - /
#       - /bin
#       - /boot
#       - /etc
#       - /etc/cron.d
#       - /etc/kubernetes/manifests
#       - /etc/ssh
#       - /etc/systemd
#       - /home
#       - /lib
#       - /proc
#       - /root
#       - /root/.ssh
#       - /sbin
#       - /usr
#       - /usr/bin
#       - /var
#       - /var/lib
#       - /var/lib/etcd
#       - /var/lib/kubelet
#       - /var/spool/cron
package lockkeeper.node_takeover

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
	some pointer, entry in workload.containers
	entry.container.securityContext.privileged == true
	entry.spec.hostPID == true
	not _is_node_agent
	violation := {
		"msg": sprintf("%s is privileged and sees the node's processes: it can enter them and be the node's root", [
			workload.label(entry),
		]),
		"path": concat("", [pointer, "/securityContext/privileged"]),
		"details": {"container": workload.name(entry.container)},
		"remedy": {"text": "remove hostPID and privileged"},
	}
}

_violations contains violation if {
	some pointer, spec in workload.pod_specs
	is_array(spec.volumes)
	some i, volume in spec.volumes
	directory := _cleaned(volume.hostPath.path)
	directory in _paths
	not _is_node_agent
	violation := {
		"msg": sprintf(`volume "%s" mounts %s of the node: whoever reads or writes it can become the node's root`, [
			workload.name(volume),
			directory,
		]),
		"path": concat("", [pointer, "/volumes/", format_int(i, 10), "/hostPath/path"]),
		"details": {"volume": workload.name(volume), "hostPath": directory},
		"remedy": {"text": "mount the one file or directory that is needed, or none"},
	}
}

# A DaemonSet, a Pod of one, and a Pod that the kubelet started from a file of its node.
_is_node_agent if input.review.kind.kind == "DaemonSet"

_is_node_agent if {
	some owner in input.review.object.metadata.ownerReferences
	owner.controller == true
	owner.kind in {"DaemonSet", "Node"}
}

# "/etc/", "//etc" and "/./etc" are "/etc".
_cleaned(path) := concat("", ["/", concat("/", [segment |
	some segment in split(path, "/")
	not segment in {"", "."}
])]) if {
	is_string(path)
}

default _paths := ["/", "/etc", "/root"]

_paths := input.parameters.paths
