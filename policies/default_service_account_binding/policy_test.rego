package lockkeeper.default_service_account_binding_test

import data.lockkeeper.default_service_account_binding as policy
import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture

default_account := rbac_fixture.service_account("shop", "default")

test_a_role_for_the_default_service_account_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.role_binding("Role", "reader", [default_account])
	warnings == {{
		"msg": concat("", [
			`ServiceAccount "shop/default" is what every pod without a service account of its own runs as: `,
			"all of them get the role reader",
		]),
		"path": "/subjects/0",
		"details": {"subject": "ServiceAccount:shop/default"},
		"remedy": {"text": "make a service account for the pods that need the role, and name it in their serviceAccountName"},
	}}
}

test_a_ClusterRoleBinding_is_judged_too if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("view", [rbac_fixture.user("alice"), default_account])
	fixture.paths(warnings) == {"/subjects/1"}
}

test_a_binding_without_a_role_is_not_passed_over if {
	warnings := policy.warn with input as fixture.create({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "RoleBinding",
		"metadata": {"name": "reader"},
		"subjects": [default_account],
	})
	fixture.paths(warnings) == {"/subjects/0"}
}

test_others_are_allowed if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("view", [
		rbac_fixture.service_account("default", "web"),
		rbac_fixture.service_account("shop", "default-reader"),
		rbac_fixture.user("default"),
		rbac_fixture.group("default"),
	])
	warnings == set()
}

test_malformed_subjects_are_no_violation if {
	every subjects in [null, "system:anonymous", [null, "system:anonymous", {}, {"kind": 5, "name": []}]] {
		violations := policy.warn with input as rbac_fixture.cluster_role_binding("view", subjects)
		violations == set()
	}
}

test_the_API_server_s_own_bindings_are_not_judged if {
	violations := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role_binding("view", [default_account]))
	violations == set()
}

test_a_deleted_binding_is_not_judged if {
	violations := policy.warn with input as fixture.delete({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRoleBinding",
		"metadata": {"name": "public"},
		"roleRef": rbac_fixture.role_ref("ClusterRole", "view"),
		"subjects": [default_account],
	})
	violations == set()
}
