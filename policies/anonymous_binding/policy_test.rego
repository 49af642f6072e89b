package lockkeeper.anonymous_binding_test

import data.lockkeeper.anonymous_binding as policy
import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture

test_a_role_for_callers_without_a_login_is_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role_binding("view", [
		rbac_fixture.group("developers"),
		rbac_fixture.group("system:unauthenticated"),
	])
	violations == {{
		"msg": `Group "system:unauthenticated" stands for everybody without a login: the role view would be public`,
		"path": "/subjects/1",
		"details": {"role": "view", "subject": "Group:system:unauthenticated"},
		"remedy": {"text": "bind the role to the users, groups or service accounts that need it"},
	}}
}

test_the_anonymous_user_is_denied if {
	violations := policy.deny with input as rbac_fixture.role_binding("Role", "reader", [rbac_fixture.user("system:anonymous")])
	fixture.messages(violations) == {`User "system:anonymous" stands for everybody without a login: the role reader would be public`}
}

test_what_Kubernetes_shows_to_everybody_is_allowed if {
	every role in ["system:public-info-viewer", "system:service-account-issuer-discovery"] {
		violations := policy.deny with input as rbac_fixture.cluster_role_binding(role, [rbac_fixture.group("system:unauthenticated")])
		violations == set()
	}
}

test_others_are_allowed if {
	violations := policy.deny with input as rbac_fixture.cluster_role_binding("view", [
		rbac_fixture.service_account("shop", "system:anonymous"),
		rbac_fixture.group("system:authenticated"),
		rbac_fixture.user("system:anonymous-reader"),
	])
	violations == set()
}

test_parameters_exempt_other_roles if {
	violations := policy.deny with input as fixture.with_parameters(
		rbac_fixture.cluster_role_binding("login-page", [rbac_fixture.group("system:unauthenticated")]),
		{"exemptRoles": ["login-page"]},
	)
	violations == set()
}

test_malformed_subjects_are_no_violation if {
	every subjects in [null, "system:anonymous", [null, "system:anonymous", {}, {"kind": 5, "name": []}]] {
		violations := policy.deny with input as rbac_fixture.cluster_role_binding("view", subjects)
		violations == set()
	}
}

test_the_API_server_s_own_bindings_are_not_judged if {
	violations := policy.deny with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role_binding("view", [rbac_fixture.user("system:anonymous")]))
	violations == set()
}

test_a_deleted_binding_is_not_judged if {
	violations := policy.deny with input as fixture.delete({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRoleBinding",
		"metadata": {"name": "public"},
		"roleRef": rbac_fixture.role_ref("ClusterRole", "view"),
		"subjects": [rbac_fixture.user("system:anonymous")],
	})
	violations == set()
}

test_a_user_and_a_group_that_are_taken_for_each_other_are_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role_binding("view", [
		rbac_fixture.user("system:unauthenticated"),
		rbac_fixture.group("system:anonymous"),
	])
	fixture.paths(violations) == {"/subjects/0", "/subjects/1"}
}
