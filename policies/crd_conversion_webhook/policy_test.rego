package lockkeeper.crd_conversion_webhook_test

import data.lockkeeper.crd_conversion_webhook as policy
import data.lockkeeper.lib.fixture

deployer := "system:serviceaccount:argocd:argocd-application-controller"

object_of(conversion) := {
	"apiVersion": "apiextensions.k8s.io/v1",
	"kind": "CustomResourceDefinition",
	"metadata": {"name": "widgets.example.com"},
	"spec": {"conversion": conversion},
}

parameters := {"allowedHosts": ["convert.example.org"], "deployers": ["ServiceAccount:argocd/*"], "exemptSubjects": []}

with_client(client) := {"strategy": "Webhook", "webhook": {"clientConfig": client}}

create(conversion) := fixture.with_parameters(fixture.create(object_of(conversion)), parameters)

update(old, new) := fixture.with_parameters(fixture.update(object_of(new), object_of(old)), parameters)

test_a_server_outside_is_denied if {
	violations := policy.deny with input as create(with_client({"url": "https://convert.example.com/x"}))
	violations == {{
		"msg": "every object of widgets.example.com is sent to convert.example.com for conversion, outside the cluster",
		"path": "/spec/conversion/webhook/clientConfig/url",
		"details": {"host": "convert.example.com"},
		"remedy": {"text": "run the conversion webhook in the cluster and name it with clientConfig.service"},
	}}
	warnings := policy.warn with input as create(with_client({"url": "https://convert.example.com/x"}))
	warnings == set()
}

test_a_private_address_is_a_warning if {
	warnings := policy.warn with input as create(with_client({"url": "https://192.168.1.4/x"}))
	fixture.paths(warnings) == {"/spec/conversion/webhook/clientConfig/url"}
	violations := policy.deny with input as create(with_client({"url": "https://192.168.1.4/x"}))
	violations == set()
}

test_this_is_usual[name] if {
	some name, conversion in {
		"a service": with_client({"service": {"namespace": "a", "name": "b"}}),
		"an allowed host": with_client({"url": "https://convert.example.org/x"}),
		"the control plane itself": with_client({"url": "https://127.0.0.1:9443/x"}),
		"no conversion": {"strategy": "None"},
		"a webhook that is not used": {"strategy": "None", "webhook": {"clientConfig": {"url": "https://convert.example.com/x"}}},
		"null": null,
		"garbage": with_client("x"),
	}
	violations := policy.deny with input as create(conversion)
	violations == set()
	warnings := policy.warn with input as create(conversion)
	warnings == set()
}

test_another_server_set_by_hand_is_a_warning if {
	change := update(with_client({"service": {"namespace": "a", "name": "b"}}), with_client({"service": {"namespace": "c", "name": "b"}}))
	by_hand := policy.warn with input as fixture.by(change, "alice", [])
	fixture.messages(by_hand) == {`the user "alice" hands the conversion of widgets.example.com from one server to another`}
	from_git := policy.warn with input as fixture.by(change, deployer, [])
	from_git == set()
}

test_a_new_certificate_is_no_change if {
	change := update(
		with_client({"service": {"namespace": "a", "name": "b"}}),
		with_client({"service": {"namespace": "a", "name": "b", "port": 443}, "caBundle": "bmV3"}),
	)
	warnings := policy.warn with input as fixture.by(change, "alice", [])
	warnings == set()
}

test_a_first_conversion_is_no_change_of_server if {
	change := update({"strategy": "None"}, with_client({"service": {"namespace": "a", "name": "b"}}))
	warnings := policy.warn with input as fixture.by(change, "alice", [])
	warnings == set()
}
