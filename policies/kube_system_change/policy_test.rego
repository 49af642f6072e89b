package lockkeeper.kube_system_change_test

import data.lockkeeper.kube_system_change as policy
import data.lockkeeper.lib.fixture

parameters := {"deployers": ["ServiceAccount:argocd/*"], "exemptSubjects": ["User:eks:*", "Group:system:nodes"]}

config_map(name) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}}

by(base, username, groups) := fixture.with_parameters(
	fixture.with_review(fixture.by(base, username, groups), {"namespace": "kube-system"}),
	parameters,
)

test_a_change_by_a_person_is_a_warning if {
	warnings := policy.warn with input as by(fixture.create(config_map("settings")), "alice", [])
	warnings == {{
		"msg": `the user "alice" creates the ConfigMap settings in kube-system: what runs and what is kept here is part of the control plane`,
		"path": "",
		"details": {"name": "settings"},
		"remedy": {"text": "make the change in Git, or have the cluster's own tools make it"},
	}}
}

test_who_changes_it[name] if {
	some name, [username, groups, count_of_warnings] in {
		"an administrator": ["admin", ["system:masters"], 1],
		"an application": ["system:serviceaccount:shop:web", [], 1],
		"nobody": ["system:anonymous", ["system:unauthenticated"], 1],
		"a deployer": ["system:serviceaccount:argocd:argocd-application-controller", [], 0],
		"a controller": ["system:serviceaccount:kube-system:cronjob-controller", [], 0],
		"the cloud": ["eks:addon-manager", [], 0],
		"a kubelet": ["system:node:worker-1", ["system:nodes"], 0],
	}
	warnings := policy.warn with input as by(fixture.create(config_map("settings")), username, groups)
	count(warnings) == count_of_warnings
}

test_every_operation_is_named if {
	updated := policy.warn with input as by(fixture.update(config_map("a"), config_map("a")), "alice", [])
	startswith([message | some message in fixture.messages(updated)][0], `the user "alice" changes`)
	deleted := policy.warn with input as by(fixture.delete(config_map("a")), "alice", [])
	startswith([message | some message in fixture.messages(deleted)][0], `the user "alice" deletes`)
}

test_what_nodes_are_configured_from_is_named[name] if {
	some name in ["kubeadm-config", "kubelet-config", "kube-proxy", "cluster-info"]
	warnings := policy.warn with input as by(fixture.create(config_map(name)), "alice", [])
	fixture.messages(warnings) == {sprintf(`the user "alice" creates the ConfigMap %s in kube-system: it is what the nodes or new members of the cluster are configured from`, [name])}
}

test_the_authentication_of_extension_servers_is_denied if {
	request := fixture.update(config_map("extension-apiserver-authentication"), config_map("extension-apiserver-authentication"))
	denied := policy.deny with input as by(request, "admin", ["system:masters"])
	{violation.details.name | some violation in denied} == {"extension-apiserver-authentication"}
	warnings := policy.warn with input as by(request, "admin", ["system:masters"])
	warnings == set()
	by_deployer := policy.deny with input as by(request, "system:serviceaccount:argocd:argocd-application-controller", [])
	count(by_deployer) == 1
}

test_the_API_server_writes_it if {
	request := fixture.create(config_map("extension-apiserver-authentication"))
	denied := policy.deny with input as by(request, "system:apiserver", ["system:masters"])
	denied == set()
}
