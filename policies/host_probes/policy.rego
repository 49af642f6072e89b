# METADATA
# title: Hosts of probes and lifecycle hooks
# description: |
#   A probe or lifecycle hook with a host of its own makes the kubelet call that address from the node: a way to reach
#   what only nodes can reach, past every NetworkPolicy.
# custom:
#   severity: medium
#   controls: ["PSS:baseline:hostProbesAndHostLifecycle"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.host_probes

import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("baseline")
	some violation in _violations(pod_security.enforced_minor)
}

warn contains violation if {
	pod_security.is_warned("baseline")
	some violation in _violations(pod_security.warned_minor)
}

# The control is part of the standard since 1.34.
_violations(minor) := {violation |
	minor >= 34
	some pointer, entry in workload.containers
	some [parent, field] in _handlers
	handler := entry.container[parent][field]
	some action in ["httpGet", "tcpSocket"]
	host := handler[action].host
	not host in {"", null}
	violation := _violation(entry, concat("", [pointer, "/", parent, "/", field, "/", action, "/host"]), field, host)
} | {violation |
	minor >= 34
	some pointer, entry in workload.containers
	some probe in ["livenessProbe", "readinessProbe", "startupProbe"]
	some action in ["httpGet", "tcpSocket"]
	host := entry.container[probe][action].host
	not host in {"", null}
	violation := _violation(entry, concat("", [pointer, "/", probe, "/", action, "/host"]), probe, host)
}

_handlers := [["lifecycle", "postStart"], ["lifecycle", "preStop"]]

_violation(entry, path, field, host) := {
	"msg": sprintf("%s: its %s makes the kubelet call the host %v", [workload.label(entry), field, host]),
	"path": path,
	"details": {"container": workload.name(entry.container), "host": host},
	"remedy": {
		"text": "remove host: the kubelet then calls the pod itself",
		"patch": [{"op": "remove", "path": path}],
	},
}
