# METADATA
# title: Amplification
# description: |
#   A few characters can ask for a whole cluster: replicas, parallelism and an autoscaler's maximum multiply what one pod
#   takes. A typing error or a stolen account then costs money, or pushes everybody else's pods aside.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:SC-6", "MITRE:T1496"]
#   docs: https://kubernetes.io/docs/concepts/policy/resource-quotas/
#   match:
#     workloads: true
#     subResources: ["", scale]
#     kinds:
#       - apiGroups: [autoscaling]
#         kinds: [HorizontalPodAutoscaler, Scale]
#   parameters:
#     # What one object may ask for: pods, cores, and memory as a quantity.
#     maxPods: 100
#     maxCpu: "256"
#     maxMemory: 1Ti
package lockkeeper.workload_amplification

import data.lockkeeper.lib.quantity
import data.lockkeeper.lib.workload

warn contains violation if {
	some field, count_of_pods in _pods
	count_of_pods > _max_pods
	violation := {
		"msg": sprintf("%s asks for up to %v pods, more than %v", [field, count_of_pods, _max_pods]),
		"path": _pointers[field],
		"details": {"field": field, "pods": count_of_pods},
		"remedy": {"text": sprintf("lower %s, or have the budget of this policy raised for the namespace", [field])},
	}
}

warn contains violation if {
	some resource, budget in {"cpu": _max_cpu, "memory": _max_memory}
	some field, count_of_pods in _pods
	total := _requested(resource) * count_of_pods
	total > quantity.value(budget)
	violation := {
		"msg": sprintf("%s: %v pods ask for %s of %s in all, more than %v", [
			field,
			count_of_pods,
			_shown(resource, total),
			resource,
			budget,
		]),
		"path": _pointers[field],
		"details": {"field": field, "pods": count_of_pods, "resource": resource},
		"remedy": {"text": sprintf("lower %s or the requests, or have the budget of this policy raised", [field])},
	}
}

# How many pods the object makes at once, by the field that says so.
_pods["replicas"] := replicas if {
	not input.review.kind.kind in {"Job", "CronJob", "DaemonSet", "HorizontalPodAutoscaler"}
	replicas := input.review.object.spec.replicas
	is_number(replicas)
}

_pods["maxReplicas"] := replicas if {
	input.review.kind.kind == "HorizontalPodAutoscaler"
	replicas := input.review.object.spec.maxReplicas
	is_number(replicas)
}

_pods["parallelism"] := _parallelism(input.review.object.spec) if {
	input.review.kind.kind == "Job"
	input.review.kind.group == "batch"
}

_pods["parallelism"] := _parallelism(input.review.object.spec.jobTemplate.spec) if {
	input.review.kind.kind == "CronJob"
	input.review.kind.group == "batch"
}

# No more pods run at once than completions are left.
_parallelism(spec) := min([parallelism, object.get(spec, "completions", parallelism)]) if {
	parallelism := object.get(spec, "parallelism", 1)
	is_number(parallelism)
}

_pointers := {
	"replicas": "/spec/replicas",
	"maxReplicas": "/spec/maxReplicas",
	"parallelism": _parallelism_pointer,
}

default _parallelism_pointer := "/spec/parallelism"

_parallelism_pointer := "/spec/jobTemplate/spec/parallelism" if input.review.kind.kind == "CronJob"

# What the containers of one pod ask for together; a request that is left out is the limit.
_requested(resource) := sum([amount |
	some container in _containers
	amount := _request(container, resource)
])

_containers := array.concat(
	[entry.container | some entry in workload.containers; entry.list == "containers"],
	[container | some container in _scaled.spec.template.spec.containers],
)

# What an autoscaler scales, where it is known.
default _scaled := null

_scaled := objects[0] if {
	input.review.kind.kind == "HorizontalPodAutoscaler"
	target := input.review.object.spec.scaleTargetRef
	objects := [object |
		some object in input.related.objects
		object.kind == target.kind
		object.metadata.name == target.name
		object.metadata.namespace == input.review.namespace
	]
}

_request(container, resource) := quantity.value(container.resources.requests[resource])

_request(container, resource) := quantity.value(container.resources.limits[resource]) if {
	not _has_request(container, resource)
}

_has_request(container, resource) if {
	value := container.resources.requests[resource]
	value != null
}

_shown("cpu", total) := sprintf("%v", [round(total * 1000) / 1000])

_shown("memory", total) := sprintf("%vGi", [round(total / 1073741.824) / 1000])

default _max_pods := 100

_max_pods := input.parameters.maxPods if is_number(input.parameters.maxPods)

default _max_cpu := "256"

_max_cpu := input.parameters.maxCpu

default _max_memory := "1Ti"

_max_memory := input.parameters.maxMemory
