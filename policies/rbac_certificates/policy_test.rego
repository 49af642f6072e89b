package lockkeeper.rbac_certificates_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_certificates as policy

signers(names, verbs) := {
	"apiGroups": ["certificates.k8s.io"],
	"resources": ["signers"],
	"resourceNames": names,
	"verbs": verbs,
}

approval := {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]}

test_approving_logins_is_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role([signers(["kubernetes.io/kube-apiserver-client"], ["approve"])])
	violations == {{
		"msg": concat("", [
			"rule 0 allows approve on signers.certificates.k8s.io ",
			"for client certificates of the API server: logins in any name",
		]),
		"path": "/rules/0",
		"details": {"resources": ["signers.certificates.k8s.io"], "verbs": ["approve"]},
		"remedy": {"text": "list in resourceNames the one signer that is needed, and no signer of client certificates"},
	}}
}

test_this_is_denied[name] if {
	some name, candidate in {
		"signers of nodes": signers(["kubernetes.io/kube-apiserver-client-kubelet"], ["sign"]),
		"all signers of the domain": signers(["kubernetes.io/*"], ["approve"]),
		"one of several": signers(["example.com/internal", "kubernetes.io/kube-apiserver-client"], ["sign"]),
		"no names": signers([], ["approve"]),
		"every verb": signers(null, ["*"]),
	}
	violations := policy.deny with input as rbac_fixture.cluster_role([candidate])
	fixture.paths(violations) == {"/rules/0"}
}

test_approval_alone_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([approval])
	fixture.messages(warnings) == {concat("", [
		"rule 0 allows update on certificatesigningrequests.certificates.k8s.io/approval: ",
		"whoever has the role approves the certificates of others",
	])}
	violations := policy.deny with input as rbac_fixture.cluster_role([approval])
	violations == set()
}

test_this_is_allowed[name] if {
	some name, candidate in {
		"signers of one's own": signers(["issuers.cert-manager.io/*"], ["approve", "sign"]),
		"the certificates that kubelets serve with": signers(["kubernetes.io/kubelet-serving"], ["approve"]),
		"signers of another group": {"apiGroups": ["cert-manager.io"], "resources": ["signers"], "verbs": ["approve"]},
		"certain requests": object.union(approval, {"resourceNames": ["csr-1"]}),
		"asking": {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["create", "get", "update"]},
	}
	violations := policy.deny with input as rbac_fixture.cluster_role([candidate])
	violations == set()
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	warnings == set()
}

test_parameters_name_other_signers if {
	violations := policy.deny with input as fixture.with_parameters(
		rbac_fixture.cluster_role([signers(["kubernetes.io/*"], ["sign"]), signers(["example.com/vpn"], ["sign"])]),
		{"clientSigners": ["example.com/vpn"]},
	)
	fixture.paths(violations) == {"/rules/1"}
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.deny with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.deny with input as rbac_fixture.aggregated([signers([], ["sign"])])
	of_the_aggregation == set()
	of_the_api_server := policy.deny with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([signers([], ["sign"])]))
	of_the_api_server == set()
}
