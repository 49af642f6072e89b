package lockkeeper.cluster_admin_binding_test

import data.lockkeeper.cluster_admin_binding as policy
import data.lockkeeper.lib.fixture

binding(kind, role_ref, subjects) := fixture.create({
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "deployers"},
	"roleRef": role_ref,
	"subjects": subjects,
})

cluster_admin := {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}

deployer := {"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"}

test_a_service_account_bound_to_cluster_admin_is_denied if {
	violations := policy.deny with input as binding("ClusterRoleBinding", cluster_admin, [deployer])
	violations == {{
		"msg": `ServiceAccount "ci/deployer" is bound to the ClusterRole cluster-admin: it may do everything in the whole cluster`,
		"path": "/subjects/0",
		"details": {"role": "cluster-admin", "subject": "ServiceAccount:ci/deployer"},
		"remedy": {"text": "bind a Role or ClusterRole that names only the verbs and resources this subject needs"},
	}}
}

test_a_RoleBinding_gives_the_namespace if {
	violations := policy.deny with input as binding("RoleBinding", cluster_admin, [{"kind": "Group", "name": "team-a"}])
	fixture.messages(violations) == {`Group "team-a" is bound to the ClusterRole cluster-admin: it may do everything in this namespace`}
}

test_each_subject_is_a_violation_of_its_own if {
	violations := policy.deny with input as binding("ClusterRoleBinding", cluster_admin, [
		{"kind": "Group", "name": "system:masters"},
		{"kind": "User", "name": "alice"},
		deployer,
	])
	fixture.paths(violations) == {"/subjects/1", "/subjects/2"}
}

test_an_absent_apiGroup_is_the_default if {
	violations := policy.deny with input as binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": "cluster-admin"}, [deployer])
	count(violations) == 1
}

test_everybody_is_a_group_like_others if {
	violations := policy.deny with input as binding("ClusterRoleBinding", cluster_admin, [{"kind": "Group", "name": "system:authenticated"}])
	count(violations) == 1
}

test_a_user_is_not_taken_for_the_exempt_group if {
	violations := policy.deny with input as binding("ClusterRoleBinding", cluster_admin, [{"kind": "User", "name": "system:masters"}])
	count(violations) == 1
}

test_a_subject_without_kind_and_name_is_denied if {
	violations := policy.deny with input as binding("ClusterRoleBinding", cluster_admin, [{}])
	fixture.messages(violations) == {`subject "" is bound to the ClusterRole cluster-admin: it may do everything in the whole cluster`}
}

test_this_role_is_allowed[name] if {
	some name, role_ref in {
		"another ClusterRole": {"kind": "ClusterRole", "name": "view"},
		"a name that only begins so": {"kind": "ClusterRole", "name": "cluster-admin-readonly"},
		"a Role that is called cluster-admin": {"kind": "Role", "name": "cluster-admin"},
		"null": null,
		"a string": "cluster-admin",
	}
	violations := policy.deny with input as binding("RoleBinding", role_ref, [deployer])
	violations == set()
}

test_these_subjects_are_nobody[name] if {
	some name, subjects in {"none": [], "null": null, "a string": "alice", "null members": [null, "alice"]}
	violations := policy.deny with input as binding("ClusterRoleBinding", cluster_admin, subjects)
	violations == set()
}

test_parameters_name_other_roles_and_subjects if {
	violations := policy.deny with input as fixture.with_parameters(
		binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": "platform-admin"}, [deployer, {"kind": "User", "name": "alice"}]),
		{"roles": ["platform-admin"], "exemptSubjects": ["ServiceAccount:ci/deployer"]},
	)
	fixture.paths(violations) == {"/subjects/1"}
}

test_a_deleted_binding_is_not_judged if {
	violations := policy.deny with input as fixture.delete({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRoleBinding",
		"metadata": {"name": "deployers"},
		"roleRef": cluster_admin,
		"subjects": [deployer],
	})
	violations == set()
}

test_admin_in_every_namespace_is_a_warning if {
	warnings := policy.warn with input as binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": "admin"}, [deployer])
	warnings == {{
		"msg": `ServiceAccount "ci/deployer" is bound to the ClusterRole admin in every namespace: little is missing to cluster-admin`,
		"path": "/subjects/0",
		"details": {"role": "admin", "subject": "ServiceAccount:ci/deployer"},
		"remedy": {"text": "use a RoleBinding in each namespace concerned, or a role that names only what is needed"},
	}}
}

test_a_role_of_the_control_plane_for_others_is_a_warning if {
	aggregation := "system:controller:clusterrole-aggregation-controller"
	warnings := policy.warn with input as binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": aggregation}, [
		{"kind": "ServiceAccount", "name": "clusterrole-aggregation-controller", "namespace": "kube-system"},
		{"kind": "ServiceAccount", "name": "clusterrole-aggregation-controller", "namespace": "shop"},
		{"kind": "User", "name": "system:controller:clusterrole-aggregation-controller"},
	])
	fixture.paths(warnings) == {"/subjects/1"}
}

test_a_component_s_own_role_is_allowed if {
	warnings := policy.warn with input as binding(
		"ClusterRoleBinding",
		{"kind": "ClusterRole", "name": "system:kube-controller-manager"},
		[{"kind": "User", "name": "system:kube-controller-manager"}, {"kind": "User", "name": "alice"}],
	)
	fixture.paths(warnings) == {"/subjects/1"}
}

test_admin_of_one_namespace_is_allowed if {
	warnings := policy.warn with input as binding("RoleBinding", {"kind": "ClusterRole", "name": "admin"}, [deployer])
	warnings == set()
}

test_view_in_every_namespace_is_allowed if {
	warnings := policy.warn with input as binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": "view"}, [deployer])
	warnings == set()
}

test_parameters_name_other_broad_roles_and_a_denied_one_is_not_warned_of if {
	parameters := {"roles": ["platform"], "broadRoles": ["platform", "operator"]}
	of_the_broad := policy.warn with input as fixture.with_parameters(
		binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": "operator"}, [deployer]),
		parameters,
	)
	count(of_the_broad) == 1
	of_the_denied := policy.warn with input as fixture.with_parameters(
		binding("ClusterRoleBinding", {"kind": "ClusterRole", "name": "platform"}, [deployer]),
		parameters,
	)
	of_the_denied == set()
}

test_the_binding_that_the_API_server_makes_is_not_judged if {
	violations := policy.deny with input as object.union(
		binding("ClusterRoleBinding", cluster_admin, [deployer]),
		{"review": {"userInfo": {"username": "system:apiserver"}}},
	)
	violations == set()
}

test_a_service_account_that_is_called_like_a_role_is_not_its_own if {
	warnings := policy.warn with input as binding(
		"ClusterRoleBinding",
		{"kind": "ClusterRole", "name": "admin"},
		[{"kind": "ServiceAccount", "name": "admin", "namespace": "kube-system"}],
	)
	count(warnings) == 1
}
