package lockkeeper.lib.actor_test

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.fixture

config_map := fixture.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}})

test_a_requester_has_the_keys_of_parameters[name] if {
	some name, [username, groups, wanted] in {
		"a user": ["alice", ["dev"], {"User:alice", "Group:dev"}],
		"a service account": [
			"system:serviceaccount:argocd:argocd-server",
			["system:serviceaccounts"],
			{"ServiceAccount:argocd/argocd-server", "Group:system:serviceaccounts"},
		],
		"a name that only begins like one": ["system:serviceaccount:argocd", [], set()],
		"groups of wrong type": ["alice", "dev", {"User:alice"}],
	}
	found := actor.keys with input as fixture.by(config_map, username, groups)
	found == wanted
}

test_a_requester_without_a_name_has_the_empty_one if {
	found := actor.keys with input as {"review": {"userInfo": {}}}
	found == {"User:"}
}

test_system_node_and_person[name] if {
	some name, [username, groups, wanted] in {
		"a person": ["alice", ["system:masters"], {"person"}],
		"nobody": ["system:anonymous", ["system:unauthenticated"], {"person"}],
		"the administrator of k3s": ["system:admin", ["system:masters"], {"person"}],
		"the scheduler": ["system:kube-scheduler", [], {"system"}],
		"a controller": ["system:serviceaccount:kube-system:job-controller", [], {"system"}],
		"a kubelet": ["system:node:worker-1", ["system:nodes"], {"node"}],
		"who calls itself a kubelet": ["system:node:worker-1", ["dev"], {"person"}],
		"an application": ["system:serviceaccount:shop:web", [], set()],
	}
	found := {"system" | actor.is_system} | ({"node" | actor.is_node} | {"person" | actor.is_person}) with input as fixture.by(config_map, username, groups)
	found == wanted
}

test_a_list_names_the_requester[name] if {
	some name, [list, wanted] in {
		"by its name": [["User:bob", "User:alice"], {true}],
		"by a group": [["Group:dev"], {true}],
		"by the beginning of the name": [["User:al*"], {true}],
		"not by another name": [["User:alice2", "alice", "Group:alice"], set()],
		"not where it is no list": ["User:alice", set()],
		"not where there is none": [null, set()],
	}
	found := {true | actor.is_one_of(list)} with input as fixture.by(config_map, "alice", ["dev"])
	found == wanted
}

test_deployers_exempt_subjects_and_the_system_are_trusted[name] if {
	some name, [username, wanted] in {
		"a deployer": ["system:serviceaccount:argocd:deployer", {true}],
		"an exempt subject": ["alice", {true}],
		"a controller": ["system:serviceaccount:kube-system:job-controller", {true}],
		"another": ["bob", set()],
	}
	request := fixture.by(config_map, username, [])
	parameters := {"deployers": ["ServiceAccount:argocd/deployer"], "exemptSubjects": ["User:alice"]}
	found := {true | actor.is_trusted} with input as fixture.with_parameters(request, parameters)
	found == wanted
}

test_the_label_of_a_requester if {
	user := actor.label with input as fixture.by(config_map, "alice", [])
	user == `the user "alice"`
	account := actor.label with input as fixture.by(config_map, "system:serviceaccount:ci:deployer", [])
	account == "the service account ci:deployer"
}
