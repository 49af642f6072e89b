# METADATA
# title: Readiness probes
# description: |
#   Without a readiness probe a Service sends requests to a container from the moment its process exists, and a rollout
#   goes on over pods that never answered. Jobs and bare Pods serve nobody, so they need none.
# custom:
#   severity: low
#   controls: []
#   docs: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
#   match:
#     kinds:
#       - apiGroups: [apps, extensions]
#         kinds: [Deployment, StatefulSet, ReplicaSet]
#       - apiGroups: [argoproj.io]
#         kinds: [Rollout]
#       - apiGroups: [""]
#         kinds: [ReplicationController]
#   parameters:
#     # readinessProbe, livenessProbe, startupProbe
#     required: [readinessProbe]
package lockkeeper.probes

import data.lockkeeper.lib.workload

# A container that serves names the ports on which it does.
warn contains violation if {
	some pointer, entry in workload.containers
	_runs_beside_others(entry)
	container := entry.container
	is_array(container.ports)
	_serves(container.ports)
	some probe in _required
	not _has(container, probe)
	violation := {
		"msg": sprintf("%s serves a port and has no %s", [workload.label(entry), probe]),
		"path": pointer,
		"details": {"container": workload.name(container), "probe": probe},
		"remedy": {"text": _remedies[probe]},
	}
}

_remedies := {
	"readinessProbe": "add a readinessProbe that asks what a request needs: httpGet, grpc, tcpSocket or exec",
	"livenessProbe": "add a livenessProbe that fails only where a restart helps",
	"startupProbe": "add a startupProbe that gives the container the time to start",
}

_runs_beside_others(entry) if entry.list == "containers"

_runs_beside_others(entry) if {
	entry.list == "initContainers"
	entry.container.restartPolicy == "Always"
}

_has(container, probe) if is_object(container[probe])

# Ports for metrics alone take no requests from users.
_serves(ports) if {
	some port in ports
	not contains(lower(workload.name(port)), "metric")
	is_number(port.containerPort)
}

default _required := ["readinessProbe"]

_required := input.parameters.required
