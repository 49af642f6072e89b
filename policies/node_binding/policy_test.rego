package lockkeeper.node_binding_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.node_binding as policy

parameters := {"exemptSubjects": ["User:robot"]}

binding := fixture.with_parameters(
	fixture.create({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web-0"}, "target": {"kind": "Node", "name": "control-plane-1"}}),
	parameters,
)

running(labels) := {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": labels}, "spec": {"nodeName": "worker-1"}}

pod(spec) := fixture.with_parameters(fixture.pod(spec), parameters)

test_a_binding_by_hand_is_denied if {
	violations := policy.deny with input as fixture.by(binding, "alice", [])
	violations == {{
		"msg": `the user "alice" binds the pod web-0 to the node control-plane-1, which only schedulers do`,
		"path": "/target",
		"details": {"node": "control-plane-1"},
		"remedy": {"text": "leave the choice to the scheduler, and say what the pod needs with nodeSelector or affinity"},
	}}
}

test_schedulers_may[username] if {
	some username in ["system:kube-scheduler", "system:serviceaccount:batch:scheduler", "robot"]
	violations := policy.deny with input as fixture.by(binding, username, [])
	violations == set()
}

test_a_Binding_of_another_group_is_something_else if {
	violations := policy.deny with input as fixture.with_review(fixture.by(binding, "alice", []), {"kind": {"group": "servicebinding.io"}})
	violations == set()
}

test_a_pod_that_names_its_node_is_a_warning if {
	warnings := policy.warn with input as pod({"nodeName": "worker-1"})
	fixture.messages(warnings) == {"nodeName puts the pod on worker-1 whatever its taints say"}
	fixture.paths(warnings) == {"/spec/nodeName"}
}

test_templates_are_judged if {
	warnings := policy.warn with input as fixture.with_parameters(fixture.cron_job({"nodeName": "worker-1"}), parameters)
	fixture.paths(warnings) == {"/spec/jobTemplate/spec/template/spec/nodeName"}
}

test_pods_without_a_node[name] if {
	some name, spec in {"absent": {}, "empty": {"nodeName": ""}, "null": {"nodeName": null}, "a selector": {"nodeSelector": {"a": "b"}}}
	warnings := policy.warn with input as pod(spec)
	warnings == set()
}

test_who_may_name_a_node[name] if {
	some name, [username, groups] in {
		"a kubelet": ["system:node:worker-1", ["system:nodes"]],
		"a controller": ["system:serviceaccount:kube-system:daemon-set-controller", []],
		"an exempt subject": ["robot", []],
	}
	warnings := policy.warn with input as fixture.by(pod({"nodeName": "worker-1"}), username, groups)
	warnings == set()
}

test_a_running_pod_has_its_node if {
	warnings := policy.warn with input as fixture.with_parameters(fixture.update(running({"a": "b"}), running({})), parameters)
	warnings == set()
}
