package lockkeeper.certificate_signing_request_test

import data.lockkeeper.certificate_signing_request as policy
import data.lockkeeper.lib.fixture

parameters := {"groups": ["system:masters"], "nodeRequesters": ["Group:system:nodes"], "exemptSubjects": ["User:operator"]}

# What stands in a request is found by its text, so a text stands for it here.
encoded(subject) := base64.encode(concat("\n", ["-----BEGIN CERTIFICATE REQUEST-----", left, right, "-----END CERTIFICATE REQUEST-----", ""])) if {
	body := base64.encode(concat("", ["0..1\n", subject, "0Y0"]))
	left := substring(body, 0, 12)
	right := substring(body, 12, -1)
}

object_of(spec, conditions) := {
	"apiVersion": "certificates.k8s.io/v1",
	"kind": "CertificateSigningRequest",
	"metadata": {"name": "x"},
	"spec": spec,
	"status": {"conditions": conditions},
}

create(spec) := fixture.by(fixture.with_parameters(fixture.create(object_of(spec, [])), parameters), "alice", [])

approve(spec, conditions) := fixture.by(
	fixture.with_parameters(fixture.update(object_of(spec, conditions), object_of(spec, [])), parameters),
	"alice",
	[],
)

approved := [{"type": "Approved", "status": "True"}]

test_a_certificate_above_RBAC_is_denied if {
	violations := policy.deny with input as create({"request": encoded("O=system:masters CN=x"), "signerName": "kubernetes.io/kube-apiserver-client"})
	violations == {{
		"msg": `the user "alice" asks for a certificate of the group system:masters: it may do everything, and cannot be taken back`,
		"path": "/spec/request",
		"details": {"group": "system:masters"},
		"remedy": {"text": "ask for a certificate without that group, and bind its user to the roles it needs"},
	}}
}

test_other_groups_are_allowed if {
	violations := policy.deny with input as create({"request": encoded("O=developers CN=bob"), "signerName": "kubernetes.io/kube-apiserver-client"})
	violations == set()
	warnings := policy.warn with input as create({"request": encoded("O=developers CN=bob"), "signerName": "kubernetes.io/kube-apiserver-client"})
	warnings == set()
}

test_the_certificate_of_a_node_is_a_warning[name] if {
	some name, spec in {
		"by its signer": {"request": encoded("x"), "signerName": "kubernetes.io/kubelet-serving"},
		"by its subject": {"request": encoded("O=system:nodes CN=system:node:worker-1"), "signerName": "example.com/signer"},
	}
	by_alice := policy.warn with input as create(spec)
	fixture.paths(by_alice) == {"/spec/signerName"}
	by_kubelet := policy.warn with input as fixture.by(create(spec), "system:node:worker-1", ["system:nodes"])
	by_kubelet == set()
	by_operator := policy.warn with input as fixture.by(create(spec), "operator", [])
	by_operator == set()
}

test_ones_own_approval_is_a_warning if {
	warnings := policy.warn with input as approve({"username": "alice", "signerName": "x"}, approved)
	fixture.messages(warnings) == {`the user "alice" approves a certificate that was asked for under the same name`}
	fixture.paths(warnings) == {"/status/conditions/0"}
}

test_other_changes_of_the_status[name] if {
	some name, [username, conditions] in {
		"somebody else's request": ["bob", approved],
		"a denial": ["alice", [{"type": "Denied", "status": "True"}]],
		"nothing": ["alice", []],
		"garbage": ["alice", "x"],
	}
	warnings := policy.warn with input as approve({"username": username}, conditions)
	warnings == set()
}

test_an_old_approval_is_not_judged if {
	request := fixture.update(object_of({"username": "alice"}, array.concat(approved, [{"type": "Failed"}])), object_of({"username": "alice"}, approved))
	warnings := policy.warn with input as fixture.by(fixture.with_parameters(request, parameters), "alice", [])
	warnings == set()
}

test_exempt_subjects_may_approve_their_own if {
	warnings := policy.warn with input as fixture.by(approve({"username": "operator"}, approved), "operator", [])
	warnings == set()
}

test_garbage_is_not_judged[name] if {
	some name, spec in {"no request": {}, "no base64": {"request": "%%"}, "base64 of something else": {"request": "eA=="}, "null": null}
	violations := policy.deny with input as create(spec)
	violations == set()
}
