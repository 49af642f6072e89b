package lockkeeper.node_placement_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.node_placement as policy

warned(spec) := violations if {
	violations := policy.warn with input as fixture.pod(spec)
}

test_a_chosen_node_is_a_warning_with_a_patch if {
	warned({"nodeName": "control-plane-1"}) == {{
		"msg": "nodeName is control-plane-1: the scheduler, taints and quotas are passed by",
		"path": "/spec/nodeName",
		"details": {"nodeName": "control-plane-1"},
		"remedy": {
			"text": "leave nodeName out; a nodeSelector or an affinity chooses nodes through the scheduler",
			"patch": [{"op": "remove", "path": "/spec/nodeName"}],
		},
	}}
}

test_a_pod_on_its_node_stays_there if {
	object := {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"nodeName": "node-1"}}
	violations := policy.warn with input as fixture.update(object, object)
	violations == set()
}

test_a_template_with_a_node_is_looked_at_on_updates if {
	object := {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"nodeName": "node-1"}}}}
	violations := policy.warn with input as fixture.update(object, object)
	fixture.paths(violations) == {"/spec/template/spec/nodeName"}
}

test_the_pods_of_the_kubelet_itself_are_allowed if {
	violations := policy.warn with input as fixture.create({
		"apiVersion": "v1",
		"kind": "Pod",
		"metadata": {"name": "etcd-1", "namespace": "tools", "annotations": {"kubernetes.io/config.mirror": "0123"}},
		"spec": {"nodeName": "node-1"},
	})
	violations == set()
}

test_these_tolerations_reach_the_control_plane[name] if {
	some name, toleration in {
		"everything": {"operator": "Exists"},
		"everything, with an empty key": {"operator": "Exists", "key": ""},
		"everything of one effect": {"operator": "Exists", "effect": "NoSchedule"},
		"the control plane": {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
		"the old name": {"key": "node-role.kubernetes.io/master"},
	}
	fixture.paths(warned({"tolerations": [{"key": "gpu"}, toleration]})) == {"/spec/tolerations/1"}
}

test_what_is_tolerated_is_said if {
	warned({"tolerations": [{"operator": "Exists"}]}) == {{
		"msg": "the pods tolerate every taint, so they may run beside the control plane",
		"path": "/spec/tolerations/0",
		"details": {"tolerates": "every taint"},
		"remedy": {"text": "tolerate the taints of the nodes that are meant, by their keys"},
	}}
}

test_these_pods_are_allowed[name] if {
	some name, spec in {
		"the defaults": {"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]},
		"everything that only evicts": {"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]},
		"an own taint": {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
		"a selector": {"nodeSelector": {"kubernetes.io/hostname": "node-1"}},
		"no node": {"nodeName": ""},
		"null": {"nodeName": null, "tolerations": null},
		"wrong types": {"nodeName": 5, "tolerations": [null, "x"]},
	}
	warned(spec) == set()
}

test_a_DaemonSet_may_run_everywhere_and_so_may_the_system if {
	spec := {"tolerations": [{"operator": "Exists"}]}
	daemon_set := policy.warn with input as fixture.create({
		"apiVersion": "apps/v1",
		"kind": "DaemonSet",
		"metadata": {"name": "logs", "namespace": "shop"},
		"spec": {"template": {"spec": spec}},
	})
	daemon_set == set()
	system := policy.warn with input as json.patch(fixture.pod(spec), [
		{"op": "replace", "path": "/review/object/metadata/namespace", "value": "kube-system"},
	])
	system == set()
}

test_parameters_name_system_namespaces if {
	object := fixture.with_parameters(fixture.pod({"tolerations": [{"operator": "Exists"}]}), {"systemNamespaces": ["sh*"]})
	violations := policy.warn with input as object
	violations == set()
}
