package lockkeeper.authenticated_binding_test

import data.lockkeeper.authenticated_binding as policy
import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture

test_a_role_for_everybody_with_a_login_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("node-reader", [rbac_fixture.group("system:authenticated")])
	warnings == {{
		"msg": `Group "system:authenticated" stands for everybody with a login: all of them get the role node-reader`,
		"path": "/subjects/0",
		"details": {"role": "node-reader", "subject": "Group:system:authenticated"},
		"remedy": {"text": "bind the role to the groups or service accounts that need it"},
	}}
	violations := policy.deny with input as rbac_fixture.cluster_role_binding("node-reader", [rbac_fixture.group("system:authenticated")])
	violations == set()
}

test_a_role_for_every_service_account_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.role_binding("Role", "reader", [rbac_fixture.group("system:serviceaccounts")])
	fixture.messages(warnings) == {`Group "system:serviceaccounts" stands for every service account of the cluster: all of them get the role reader`}
}

test_admin_and_edit_for_everybody_are_denied if {
	every role in ["admin", "edit"] {
		input_ := rbac_fixture.role_binding("ClusterRole", role, [rbac_fixture.group("system:authenticated")])
		violations := policy.deny with input as input_
		fixture.paths(violations) == {"/subjects/0"}
		warnings := policy.warn with input as input_
		warnings == set()
	}
}

test_a_Role_that_is_called_edit_is_another if {
	violations := policy.deny with input as rbac_fixture.role_binding("Role", "edit", [rbac_fixture.group("system:authenticated")])
	violations == set()
}

test_this_is_allowed[name] if {
	some name, [role, subject] in {
		"what Kubernetes gives to everybody": ["system:basic-user", rbac_fixture.group("system:authenticated")],
		"the service accounts of one namespace": ["reader", rbac_fixture.group("system:serviceaccounts:shop")],
		"a service account of that name": ["reader", rbac_fixture.service_account("shop", "system:authenticated")],
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding(role, [subject])
	warnings == set()
}

test_parameters_say_what_everybody_may_have if {
	parameters := {"exemptRoles": ["node-reader"], "deniedClusterRoles": ["view"]}
	warnings := policy.warn with input as fixture.with_parameters(
		rbac_fixture.cluster_role_binding("node-reader", [rbac_fixture.group("system:authenticated")]),
		parameters,
	)
	warnings == set()
	violations := policy.deny with input as fixture.with_parameters(
		rbac_fixture.cluster_role_binding("view", [rbac_fixture.group("system:authenticated")]),
		parameters,
	)
	count(violations) == 1
}

test_malformed_subjects_are_no_violation if {
	every subjects in [null, "system:anonymous", [null, "system:anonymous", {}, {"kind": 5, "name": []}]] {
		violations := policy.warn with input as rbac_fixture.cluster_role_binding("view", subjects)
		violations == set()
	}
}

test_the_API_server_s_own_bindings_are_not_judged if {
	violations := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role_binding("view", [rbac_fixture.group("system:authenticated")]))
	violations == set()
}

test_a_deleted_binding_is_not_judged if {
	violations := policy.warn with input as fixture.delete({
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRoleBinding",
		"metadata": {"name": "public"},
		"roleRef": rbac_fixture.role_ref("ClusterRole", "view"),
		"subjects": [rbac_fixture.group("system:authenticated")],
	})
	violations == set()
}

test_a_user_of_the_group_s_name_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role_binding("reader", [rbac_fixture.user("system:authenticated")])
	fixture.messages(warnings) == {`User "system:authenticated" stands for everybody with a login: all of them get the role reader`}
}
