# METADATA
# title: Requests and limits
# description: |
#   The scheduler places pods by their requests, so without them a node is filled until it breaks; a container without a
#   memory limit takes its neighbours' memory until the kernel stops one of them.
# custom:
#   severity: low
#   controls: ["NIST:SP800-53:SC-6"]
#   docs: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#   match:
#     workloads: true
#   parameters:
#     # What every container has to name: requests.cpu, requests.memory, limits.cpu, limits.memory.
#     required: [requests.cpu, requests.memory, limits.memory]
package lockkeeper.container_resources

import data.lockkeeper.lib.quantity
import data.lockkeeper.lib.workload

warn contains violation if {
	some pod_pointer, spec in workload.pod_specs
	some pointer, entry in workload.containers
	startswith(pointer, concat("", [pod_pointer, "/"]))
	_runs_beside_others(entry)
	container := entry.container
	missing := [name |
		some name in _required
		not _is_named(container, name)
		not _is_named(spec, name)
	]
	count(missing) > 0
	violation := {
		"msg": sprintf("%s does not name %s", [workload.label(entry), concat(", ", missing)]),
		"path": pointer,
		"details": {"container": workload.name(container), "missing": missing},
		"remedy": {"text": sprintf("measure what the container takes, and name %s in resources", [concat(", ", missing)])},
	}
}

# Init containers are gone when the others start, unless they are sidecars; ephemeral ones cannot have resources.
_runs_beside_others(entry) if entry.list == "containers"

_runs_beside_others(entry) if {
	entry.list == "initContainers"
	entry.container.restartPolicy == "Always"
}

# A container's own resources, or those of its whole pod. A request that is left out is the limit; a limit of 0 is none.
_is_named(owner, name) if {
	[kind, resource] := split(name, ".")
	_is_some(owner.resources[kind][resource])
}

_is_named(owner, name) if {
	["requests", resource] = split(name, ".")
	_is_some(owner.resources.limits[resource])
}

_is_some(amount) if {
	is_number(amount)
	amount > 0
}

# Only 0, 0Mi, 0.5 and the like have to be read as quantities.
_is_some(amount) if {
	is_string(amount)
	not startswith(amount, "0")
	amount != ""
}

_is_some(amount) if {
	is_string(amount)
	startswith(amount, "0")
	quantity.value(amount) > 0
}

default _required := ["requests.cpu", "requests.memory", "limits.memory"]

_required := input.parameters.required
