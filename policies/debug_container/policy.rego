# METADATA
# title: Debug containers in running pods
# description: |
#   An ephemeral container joins a running pod: it may see the processes, files and credentials of the others, its image
#   went through no review, and it cannot be taken out again.
# custom:
#   severity: high
#   controls: ["MITRE:T1610"]
#   docs: https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Pod]
#     operations: [UPDATE]
#     subResources: [ephemeralcontainers]
#   parameters:
#     # kubectl debug adds SYS_PTRACE by its profile general.
#     allowedCapabilities: [SYS_PTRACE]
#     exemptSubjects: []
package lockkeeper.debug_container

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.workload

# Whatever level its namespace has: nobody has planned for this container.
deny contains violation if {
	some path, container in _new_containers
	container.securityContext.privileged == true
	violation := {
		"msg": sprintf("debug container %q is privileged: it is root on the node", [workload.name(container)]),
		"path": concat("", [path, "/securityContext/privileged"]),
		"details": {"container": workload.name(container)},
		"remedy": {"text": "debug with kubectl debug --profile=restricted, or --profile=baseline"},
	}
}

deny contains violation if {
	some path, container in _new_containers
	some i, capability in container.securityContext.capabilities.add
	not capability in input.parameters.allowedCapabilities
	violation := {
		"msg": sprintf("debug container %q adds the capability %v", [workload.name(container), capability]),
		"path": concat("", [path, "/securityContext/capabilities/add/", format_int(i, 10)]),
		"details": {"container": workload.name(container), "capability": capability},
		"remedy": {"text": "debug with kubectl debug --profile=restricted, or --profile=baseline"},
	}
}

warn contains violation if {
	some path, container in _new_containers
	violation := {
		"msg": sprintf("%s puts the debug container %q into the running pod %s%s", [actor.label, workload.name(container), input.review.name, _reach(container)]),
		"path": path,
		"details": {"container": workload.name(container)},
		"remedy": {"text": "delete the pod when the work is done: only then is the container gone"},
	}
}

default _reach(_) := ""

_reach(container) := sprintf(", with the processes and files of %q", [container.targetContainerName]) if {
	is_string(container.targetContainerName)
}

_new_containers[path] := container if {
	not actor.is_exempt
	some i, container in input.review.object.spec.ephemeralContainers
	is_object(container)
	not workload.name(container) in _old_names
	path := concat("", ["/spec/ephemeralContainers/", format_int(i, 10)])
}

_old_names := {workload.name(container) | some container in input.review.oldObject.spec.ephemeralContainers}
