# METADATA
# title: Commands run in pods
# description: |
#   With exec somebody works inside a running container, with its credentials and in its network, and leaves nothing in
#   Git. What is typed into a shell is not seen here; a reverse shell or a script from the network in one command is.
# custom:
#   severity: high
#   controls: ["MITRE:T1609"]
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [PodExecOptions]
#     operations: [CONNECT]
#     subResources: [exec]
#   parameters:
#     protectedNamespaces: [kube-system, argocd, flux-system, lockkeeper-system]
#     # Who may run what they like, such as an account that takes backups with exec.
#     exemptSubjects: []
package lockkeeper.pod_exec

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.command

# No message holds the command: it may hold a credential.

deny contains violation if {
	not actor.is_exempt
	command.has_any(_text, command.shell_signs)
	violation := _violation("a reverse shell", "somebody outside then works in the container", "open a shell with kubectl exec -it where one is needed")
}

deny contains violation if {
	not actor.is_exempt
	command.has_any(_text, command.download_signs)
	command.has_any(_text, command.run_signs)
	violation := _violation("a script from the network that is run at once", "what it does today is up to its server", "build what is needed into the image")
}

warn contains violation if {
	not actor.is_exempt
	_program == "tar"
	violation := _violation("tar, as kubectl cp does", "files are copied out of the container, or into it", "keep what is needed in the image or a volume, and let backups have an account of their own")
}

warn contains violation if {
	not actor.is_exempt
	command.has_any(_text, command.credential_signs)
	violation := _violation("a command that names the place of a credential", "it can be used from anywhere until it expires", "leave credentials where they are, and ask for a token of one's own")
}

warn contains violation if {
	not actor.is_exempt
	input.review.namespace in input.parameters.protectedNamespaces
	violation := _violation("a command in a protected namespace", "what runs there may do nearly everything", "make the change in Git; look at logs and metrics instead of files")
}

_violation(what, harm, remedy) := {
	"msg": sprintf("%s runs %s in %s: %s", [actor.label, what, _pod, harm]),
	"path": "/command",
	"details": {"command": what},
	"remedy": {"text": remedy},
}

_text := command.text(input.review.object.command)

_command := [part | some part in input.review.object.command; is_string(part)]

_program := parts[count(parts) - 1] if parts := split(_command[0], "/")

_pod := sprintf("the pod %s", [input.review.name]) if not input.review.object.container

_pod := sprintf(`container "%v" of the pod %s`, [input.review.object.container, input.review.name]) if input.review.object.container
