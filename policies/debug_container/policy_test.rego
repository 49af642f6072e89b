package lockkeeper.debug_container_test

import data.lockkeeper.debug_container as policy
import data.lockkeeper.lib.fixture

parameters := {"allowedCapabilities": ["SYS_PTRACE"], "exemptSubjects": ["Group:oncall"]}

pod(containers) := {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0"}, "spec": {"ephemeralContainers": containers}}

change(old, new) := fixture.by(
	fixture.with_parameters(fixture.with_review(fixture.update(pod(new), pod(old)), {"subResource": "ephemeralcontainers"}), parameters),
	"alice",
	[],
)

container(members) := object.union({"name": "debugger", "image": "tools"}, members)

test_a_privileged_one_is_denied if {
	violations := policy.deny with input as change([], [container({"securityContext": {"privileged": true}})])
	violations == {{
		"msg": `debug container "debugger" is privileged: it is root on the node`,
		"path": "/spec/ephemeralContainers/0/securityContext/privileged",
		"details": {"container": "debugger"},
		"remedy": {"text": "debug with kubectl debug --profile=restricted, or --profile=baseline"},
	}}
}

test_capabilities[name] if {
	some name, [capabilities, paths] in {
		"of the network": [["NET_ADMIN", "NET_RAW"], {"/spec/ephemeralContainers/0/securityContext/capabilities/add/0", "/spec/ephemeralContainers/0/securityContext/capabilities/add/1"}],
		"of a debugger": [["SYS_PTRACE"], set()],
		"none": [[], set()],
		"null": [null, set()],
	}
	violations := policy.deny with input as change([], [container({"securityContext": {"capabilities": {"add": capabilities}}})])
	fixture.paths(violations) == paths
}

test_a_plain_one_is_a_warning if {
	warnings := policy.warn with input as change(null, [container({"targetContainerName": "web"})])
	fixture.messages(warnings) == {`the user "alice" puts the debug container "debugger" into the running pod web-0, with the processes and files of "web"`}
	violations := policy.deny with input as change(null, [container({"targetContainerName": "web"})])
	violations == set()
}

test_only_new_ones_are_judged if {
	old := container({"securityContext": {"privileged": true, "capabilities": {"add": ["NET_ADMIN"]}}})
	new := [old, container({"name": "second"})]
	violations := policy.deny with input as change([old], new)
	violations == set()
	warnings := policy.warn with input as change([old], new)
	fixture.paths(warnings) == {"/spec/ephemeralContainers/1"}
}

test_exempt_subjects_may if {
	request := change([], [container({"securityContext": {"privileged": true, "capabilities": {"add": ["NET_ADMIN"]}}})])
	violations := policy.deny with input as fixture.by(request, "bob", ["oncall"])
	violations == set()
	warnings := policy.warn with input as fixture.by(request, "bob", ["oncall"])
	warnings == set()
}

test_garbage_is_not_judged[name] if {
	some name, containers in {"null": null, "a string": "x", "strings": ["x", null]}
	warnings := policy.warn with input as change([], containers)
	warnings == set()
}
