# METADATA
# title: Termination grace periods
# description: |
#   With a grace period of 0 the pod is gone before its process is: two pods of one StatefulSet may write the same data.
#   A very long one keeps a drained node for as long, or a pod that somebody wants to be rid of.
# custom:
#   severity: low
#   controls: []
#   docs: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
#   match:
#     workloads: true
#   parameters:
#     maxSeconds: 3600
#     # Jobs and stateful services may need longer on purpose: kinds that are not held to the maximum.
#     longRunningKinds: [Job, CronJob]
package lockkeeper.termination_grace

import data.lockkeeper.lib.workload

warn contains violation if {
	some pointer, spec in workload.pod_specs
	seconds := spec.terminationGracePeriodSeconds
	is_number(seconds)
	problem := _problem(seconds)
	path := concat("", [pointer, "/terminationGracePeriodSeconds"])
	violation := {
		"msg": sprintf("terminationGracePeriodSeconds is %v: %s", [seconds, problem]),
		"path": path,
		"details": {"terminationGracePeriodSeconds": seconds},
		"remedy": {
			"text": "leave it out (30 seconds), or name what the program needs to end its work",
			"patch": [{"op": "remove", "path": path}],
		},
	}
}

_problem(0) := "the processes are killed without being asked to end"

_problem(seconds) := sprintf("more than %v keep nodes from being drained", [_max_seconds]) if {
	seconds > _max_seconds
	not input.review.kind.kind in _long_running_kinds
}

default _max_seconds := 3600

_max_seconds := input.parameters.maxSeconds if is_number(input.parameters.maxSeconds)

default _long_running_kinds := ["Job", "CronJob"]

_long_running_kinds := input.parameters.longRunningKinds
