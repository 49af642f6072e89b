package lockkeeper.lib.rbac_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac
import data.lockkeeper.lib.rbac_fixture

everything := {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}

pods := {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "create"]}

test_rules_that_are_objects_are_found_with_their_index if {
	found := rbac.rules with input as rbac_fixture.cluster_role([null, pods, "pods", everything])
	found == {1: pods, 3: everything}
}

test_everything_is_not_among_the_narrower_rules if {
	named := object.union(everything, {"resourceNames": ["web"]})
	found := rbac.narrower_rules with input as rbac_fixture.role([everything, pods, named])
	found == {1: pods, 2: named}
}

test_a_rule_for_every_resource_is_not_among_the_specific_rules if {
	found := rbac.specific_rules with input as rbac_fixture.role([{"apiGroups": [""], "resources": ["pods", "*"], "verbs": ["get"]}, pods])
	found == {1: pods}
}

test_the_rules_that_an_aggregation_gives_are_not_judged if {
	found := rbac.rules with input as rbac_fixture.aggregated([everything])
	found == {}
	of_the_controller_manager := rbac.rules with input as by("system:kube-controller-manager", rbac_fixture.aggregated([everything]))
	of_the_controller_manager == {}
}

test_rules_that_somebody_else_writes_into_an_aggregated_role_are_judged if {
	found := rbac.rules with input as by("alice", rbac_fixture.aggregated([everything]))
	found == {0: everything}
}

test_the_controller_s_other_roles_are_judged if {
	found := rbac.rules with input as by("system:kube-controller-manager", rbac_fixture.cluster_role([everything]))
	found == {0: everything}
}

by(username, base) := object.union(base, {"review": {"userInfo": {"username": username}}})

test_what_the_API_server_writes_is_not_judged if {
	found := rbac.rules with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([everything]))
	found == {}
	subjects := rbac.subjects with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role_binding("cluster-admin", [rbac_fixture.user("alice")]))
	subjects == {}
}

test_this_is_granted[name] if {
	some name, rule in {
		"by name": {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "create"]},
		"by every group": {"apiGroups": ["*"], "resources": ["deployments"], "verbs": ["create"]},
		"by every resource": {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["create"]},
		"by every verb": {"apiGroups": ["", "apps"], "resources": ["deployments"], "verbs": ["*"]},
	}
	rbac.grant(rule, {"deployments.apps": ["create"]}) == {"resources": ["deployments.apps"], "verbs": ["create"]}
}

test_this_is_not_granted[name] if {
	some name, rule in {
		"another group": {"apiGroups": [""], "resources": ["deployments"], "verbs": ["create"]},
		"another resource": {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["create"]},
		"another verb": {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
		"an empty rule": {},
		"wrong types": {"apiGroups": "apps", "resources": "deployments", "verbs": "create"},
	}
	not rbac.grant(rule, {"deployments.apps": ["create"]})
}

test_a_subresource_is_granted_by_its_own_name_and_by_a_star_before_it if {
	every resource in ["certificatesigningrequests/approval", "*/approval", "*"] {
		rule := {"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": ["update"]}
		rbac.grant(rule, {"certificatesigningrequests.certificates.k8s.io/approval": ["patch", "update"]}) == {
			"resources": ["certificatesigningrequests.certificates.k8s.io/approval"],
			"verbs": ["update"],
		}
	}
}

test_a_resource_does_not_grant_its_subresources if {
	not rbac.grant({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}, {"pods/exec": ["create"]})
}

test_what_is_granted_is_joined_and_sorted if {
	rule := {"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["patch", "create"]}
	granted := rbac.grant(rule, {"pods": ["create"], "deployments.apps": ["patch", "create"], "jobs.batch": ["create"]})
	granted == {"resources": ["deployments.apps", "pods"], "verbs": ["create", "patch"]}
	rbac.phrase(granted) == "create, patch on deployments.apps, pods"
}

test_names_of_objects_restrict_a_rule if {
	rbac.is_unnamed(pods)
	rbac.is_unnamed(object.union(pods, {"resourceNames": null}))
	rbac.is_unnamed(object.union(pods, {"resourceNames": []}))
	not rbac.is_unnamed(object.union(pods, {"resourceNames": ["web"]}))
}

test_subjects_have_labels_and_keys if {
	subjects := [rbac_fixture.service_account("ci", "deployer"), rbac_fixture.group("team-a"), {}]
	[label | some subject in subjects; label := rbac.subject_label(subject)] == [
		`ServiceAccount "ci/deployer"`, `Group "team-a"`, `subject ""`,
	]
	[key | some subject in subjects; key := rbac.subject_key(subject)] == ["ServiceAccount:ci/deployer", "Group:team-a", "subject:"]
}

test_subjects_of_wrong_type_are_left_out if {
	every subjects in [null, "alice", [null, "alice", ["alice"]]] {
		found := rbac.subjects with input as rbac_fixture.cluster_role_binding("view", subjects)
		found == {}
	}
}

test_a_ClusterRole_reaches_further_than_a_Role if {
	of_a_cluster_role := rbac.reach with input as rbac_fixture.cluster_role([])
	of_a_cluster_role == "in every namespace, once it is bound in the whole cluster"
	of_a_role := rbac.reach with input as rbac_fixture.role([])
	of_a_role == "in its namespace"
}
