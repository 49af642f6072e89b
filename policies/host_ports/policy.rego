# METADATA
# title: Host ports
# description: |
#   A host port opens the container on the node's own address, past Services and most network policies, and lets only
#   one such pod run on a node. It warns until a label of the namespace or the configuration enforces the baseline, for
#   node agents need it.
# custom:
#   severity: medium
#   controls: ["PSS:baseline:hostPorts", "CIS:5.2.13"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: privileged, warn: restricted}
#     allowed: []
package lockkeeper.host_ports

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
	spec := entry.spec
	ports := entry.container.ports
	is_array(ports)
	some i, port in ports
	host_port := _host_port(spec, port)
	not host_port in _allowed
	path := concat("", [pointer, "/ports/", format_int(i, 10), "/hostPort"])
	violation := {
		"msg": sprintf("%s opens port %v on the node%s", [workload.label(entry), host_port, _reason(spec)]),
		"path": path,
		"details": {"container": workload.name(entry.container), "hostPort": host_port},
		"remedy": _remedy(spec, path),
	}
}

_host_port(_, port) := port.hostPort if {
	is_number(port.hostPort)
	port.hostPort != 0
}

# The API server fills an absent hostPort with the containerPort where the pod has hostNetwork: in Pods, not in templates.
_host_port(spec, port) := port.containerPort if {
	spec.hostNetwork == true
	input.review.kind.kind == "Pod"
	input.review.kind.group == ""
	is_number(port.containerPort)
	object.get(port, "hostPort", 0) in {0, null}
}

_reason(spec) := "" if not spec.hostNetwork == true

_reason(spec) := ", because the pod has hostNetwork" if spec.hostNetwork == true

_remedy(spec, path) := {
	"text": "remove hostPort and reach the container through a Service",
	"patch": [{"op": "remove", "path": path}],
} if {
	not spec.hostNetwork == true
}

_remedy(spec, _) := {"text": "remove hostNetwork and hostPort, and reach the container through a Service"} if {
	spec.hostNetwork == true
}

default _allowed := []

_allowed := input.parameters.allowed
