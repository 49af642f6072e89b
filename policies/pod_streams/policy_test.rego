package lockkeeper.pod_streams_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.pod_streams as policy

parameters := {"protectedNamespaces": ["argocd"], "nodePaths": ["metrics"], "exemptSubjects": ["User:robot"]}

connect(kind, members, review) := {
	"review": object.union(
		{
			"kind": {"group": "", "version": "v1", "kind": kind},
			"name": "x",
			"operation": "CONNECT",
			"userInfo": {"username": "alice"},
			"object": members,
			"oldObject": null,
		},
		review,
	),
	"parameters": parameters,
}

node(path) := connect("NodeProxyOptions", {"path": path}, {"subResource": "proxy"})

stream(kind, subresource, namespace) := connect(kind, {}, {"subResource": subresource, "namespace": namespace})

test_commands_through_a_kubelet_are_denied if {
	violations := policy.deny with input as node("/run/shop/web-0/web")
	violations == {{
		"msg": `the user "alice" reaches run of the kubelet of node x: it runs commands in any pod there, past RBAC and the audit log`,
		"path": "/path",
		"details": {"path": "run"},
		"remedy": {"text": "use kubectl exec, which RBAC and the audit log see"},
	}}
	warnings := policy.warn with input as node("/run/shop/web-0/web")
	warnings == set()
}

test_paths_of_a_kubelet[path] if {
	some path, [denied, warned] in {
		"exec/shop/web-0/web": [1, 0],
		"/attach/shop/web-0/web": [1, 0],
		"/portForward/shop/web-0": [1, 0],
		"/cri/exec/x": [1, 0],
		"/pods": [0, 1],
		"/containerLogs/shop/web-0/web": [0, 1],
		"": [0, 1],
		"/metrics/cadvisor": [0, 0],
		"metrics": [0, 0],
	}
	violations := policy.deny with input as node(path)
	count(violations) == denied
	warnings := policy.warn with input as node(path)
	count(warnings) == warned
}

test_streams_into_protected_namespaces_are_a_warning[kind] if {
	some kind, subresource in {"PodAttachOptions": "attach", "PodPortForwardOptions": "portforward", "PodProxyOptions": "proxy", "ServiceProxyOptions": "proxy"}
	warnings := policy.warn with input as stream(kind, subresource, "argocd")
	fixture.messages(warnings) == {sprintf(`the user "alice" opens %s to x in the protected namespace argocd`, [subresource])}
}

test_streams_into_other_namespaces_are_allowed if {
	warnings := policy.warn with input as stream("PodPortForwardOptions", "portforward", "shop")
	warnings == set()
}

test_exempt_subjects_and_the_system_may[username] if {
	some username in ["robot", "system:apiserver", "system:serviceaccount:kube-system:metrics-server"]
	violations := policy.deny with input as fixture.by(node("run/x"), username, [])
	violations == set()
	warnings := policy.warn with input as fixture.by(node("pods"), username, [])
	warnings == set()
	streams := policy.warn with input as fixture.by(stream("PodAttachOptions", "attach", "argocd"), username, [])
	streams == set()
}

test_no_path_is_the_root if {
	warnings := policy.warn with input as connect("NodeProxyOptions", {}, {"subResource": "proxy"})
	{violation.details.path | some violation in warnings} == {""}
}
