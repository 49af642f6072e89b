package lockkeeper.system_masters_binding_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.system_masters_binding as policy

masters := rbac_fixture.group("system:masters")

test_a_binding_for_the_group_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("view", [rbac_fixture.user("alice"), masters])
	warnings == {{
		"msg": `Group "system:masters" may do everything without this binding, and keeps it without this binding`,
		"path": "/subjects/1",
		"details": {"subject": "Group:system:masters"},
		"remedy": {"text": "bind the role to a group of your own, and issue no credentials in system:masters"},
	}}
}

test_a_RoleBinding_is_judged_too if {
	warnings := policy.warn with input as rbac_fixture.role_binding("ClusterRole", "cluster-admin", [masters])
	fixture.paths(warnings) == {"/subjects/0"}
}

test_another_binding_of_cluster_admin_is_judged if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("cluster-admin", [masters])
	fixture.paths(warnings) == {"/subjects/0"}
}

test_the_binding_that_Kubernetes_ships_with_is_allowed if {
	warnings := policy.warn with input as fixture.create({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRoleBinding",
		"metadata": {"name": "cluster-admin"},
		"roleRef": rbac_fixture.role_ref("ClusterRole", "cluster-admin"),
		"subjects": [masters],
	})
	warnings == set()
}

test_others_are_not_the_group if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("view", [
		rbac_fixture.user("system:masters"),
		rbac_fixture.group("system:masters-read"),
		rbac_fixture.service_account("system", "masters"),
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
	violations := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role_binding("view", [masters]))
	violations == set()
}

test_a_deleted_binding_is_not_judged if {
	violations := policy.warn with input as fixture.delete({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRoleBinding",
		"metadata": {"name": "public"},
		"roleRef": rbac_fixture.role_ref("ClusterRole", "view"),
		"subjects": [masters],
	})
	violations == set()
}

test_another_object_of_the_same_name_is_judged[name] if {
	some name, [kind, role] in {
		"a RoleBinding": ["RoleBinding", "cluster-admin"],
		"another role": ["ClusterRoleBinding", "view"],
	}
	warnings := policy.warn with input as fixture.create({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": kind,
		"metadata": {"name": "cluster-admin"},
		"roleRef": rbac_fixture.role_ref("ClusterRole", role),
		"subjects": [masters],
	})
	fixture.paths(warnings) == {"/subjects/0"}
}
