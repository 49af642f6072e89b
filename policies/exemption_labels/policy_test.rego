package lockkeeper.exemption_labels_test

import data.lockkeeper.exemption_labels as policy
import data.lockkeeper.lib.fixture

deployer := "system:serviceaccount:argocd:argocd-application-controller"

ignore := "admission.gatekeeper.sh/ignore"

namespace(name, labels) := {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

parameters := {
	"labels": {ignore: "", "openpolicyagent.org/webhook": "ignore"},
	"exemptNamespaces": ["gatekeeper-system", "infra-*"],
	"deployers": ["ServiceAccount:argocd/*"],
	"exemptSubjects": [],
}

create(name, labels) := fixture.with_parameters(fixture.create(namespace(name, labels)), parameters)

test_a_label_set_by_hand_is_denied if {
	violations := policy.deny with input as fixture.by(create("shop", {ignore: "yes"}), "alice", [])
	violations == {{
		"msg": `the label admission.gatekeeper.sh/ignore takes the namespace "shop" out of policy`,
		"path": "/metadata/labels/admission.gatekeeper.sh~1ignore",
		"details": {"label": ignore},
		"remedy": {
			"text": "remove the label admission.gatekeeper.sh/ignore, and except the one object that needs it",
			"patch": [{"op": "remove", "path": "/metadata/labels/admission.gatekeeper.sh~1ignore"}],
		},
	}}
}

test_a_label_from_Git_is_a_warning if {
	request := fixture.by(create("shop", {ignore: "yes"}), deployer, [])
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.paths(warnings) == {"/metadata/labels/admission.gatekeeper.sh~1ignore"}
}

test_a_label_set_by_a_program_is_a_warning if {
	request := fixture.by(create("shop", {ignore: "yes"}), "system:serviceaccount:ci:deployer", [])
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	count(warnings) == 1
}

test_labels_and_values[name] if {
	some name, [labels, count_of_violations] in {
		"any value": [{ignore: ""}, 1],
		"the value that exempts": [{"openpolicyagent.org/webhook": "ignore"}, 1],
		"another value": [{"openpolicyagent.org/webhook": "enforce"}, 0],
		"other labels": [{"team": "shop"}, 0],
		"no labels": [null, 0],
		"garbage": ["x", 0],
	}
	violations := policy.deny with input as fixture.by(create("shop", labels), "alice", [])
	count(violations) == count_of_violations
}

test_engines_have_their_label[name] if {
	some name, count_of_violations in {"gatekeeper-system": 0, "infra-dns": 0, "gatekeeper-system2": 1}
	violations := policy.deny with input as fixture.by(create(name, {ignore: "yes"}), "alice", [])
	count(violations) == count_of_violations
}

test_a_label_that_was_there_is_not_judged if {
	request := fixture.update(namespace("shop", {ignore: "yes", "a": "b"}), namespace("shop", {ignore: "yes"}))
	violations := policy.deny with input as fixture.by(fixture.with_parameters(request, parameters), "alice", [])
	violations == set()
}

test_a_label_added_later_is_denied if {
	request := fixture.update(namespace("shop", {ignore: "yes"}), namespace("shop", null))
	violations := policy.deny with input as fixture.by(fixture.with_parameters(request, parameters), "alice", [])
	count(violations) == 1
}
