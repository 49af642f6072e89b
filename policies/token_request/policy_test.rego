package lockkeeper.token_request_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.token_request as policy

parameters := {
	"protectedNamespaces": ["kube-system"],
	"maxExpirationSeconds": 86400,
	"deployers": ["ServiceAccount:argocd/argocd-application-controller"],
	"gates": ["ServiceAccount:kube-system/gate"],
	"exemptSubjects": ["User:vault"],
}

request(namespace, name, spec) := {
	"review": {
		"kind": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
		"name": name,
		"namespace": namespace,
		"operation": "CREATE",
		"subResource": "token",
		"userInfo": {"username": "alice"},
		"object": {"kind": "TokenRequest", "spec": spec},
		"oldObject": null,
	},
	"parameters": parameters,
}

of_deployer := request("argocd", "argocd-application-controller", {})

test_a_token_of_the_deployer_is_denied if {
	violations := policy.deny with input as of_deployer
	violations == {{
		"msg": `the user "alice" asks for a token of argocd/argocd-application-controller, with which any change passes for one from Git`,
		"path": "",
		"details": {"account": "argocd/argocd-application-controller"},
		"remedy": {"text": "deploy through Git; ask for a token of an account of one's own"},
	}}
	warnings := policy.warn with input as of_deployer
	warnings == set()
}

test_a_token_of_the_gate_is_denied_and_not_warned_of if {
	violations := policy.deny with input as request("kube-system", "gate", {})
	fixture.messages(violations) == {`the user "alice" asks for a token of kube-system/gate, with which any change passes for one from Git`}
	warnings := policy.warn with input as request("kube-system", "gate", {})
	warnings == set()
}

test_a_token_of_a_protected_namespace_is_a_warning if {
	warnings := policy.warn with input as request("kube-system", "admin-user", {})
	fixture.messages(warnings) == {`the user "alice" asks for a token of kube-system/admin-user, in a protected namespace`}
}

test_how_long_a_token_lasts[name] if {
	some name, [spec, count_of_warnings] in {
		"a day": [{"expirationSeconds": 86400}, 0],
		"more": [{"expirationSeconds": 86401}, 1],
		"absent": [{}, 0],
		"null": [{"expirationSeconds": null}, 0],
	}
	warnings := policy.warn with input as request("ci", "robot", spec)
	count(warnings) == count_of_warnings
}

test_the_message_tells_hours if {
	warnings := policy.warn with input as request("ci", "robot", {"expirationSeconds": 604800})
	fixture.messages(warnings) == {`the user "alice" asks for a token of ci/robot for 168 hours; a token cannot be taken back`}
	fixture.paths(warnings) == {"/spec/expirationSeconds"}
}

test_who_asks[name] if {
	some name, [username, groups, denied] in {
		"a kubelet": ["system:node:worker-1", ["system:nodes"], 0],
		"who calls itself one": ["system:node:worker-1", [], 1],
		"a controller": ["system:kube-controller-manager", [], 0],
		"an exempt subject": ["vault", [], 0],
		"an administrator": ["admin", ["system:masters"], 1],
		"an application": ["system:serviceaccount:shop:web", [], 1],
	}
	violations := policy.deny with input as fixture.by(of_deployer, username, groups)
	count(violations) == denied
	protected := policy.warn with input as fixture.by(request("kube-system", "x", {"expirationSeconds": 999999}), username, groups)
	count(protected) == 2 * denied
}

test_other_accounts_are_allowed if {
	violations := policy.deny with input as request("ci", "robot", {"expirationSeconds": 3600})
	violations == set()
	warnings := policy.warn with input as request("ci", "robot", {"expirationSeconds": 3600})
	warnings == set()
}
