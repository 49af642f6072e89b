package lockkeeper.service_external_name_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.service_external_name as policy

service(spec) := fixture.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

external(name) := service({"type": "ExternalName", "externalName": name})

test_the_metadata_of_the_cloud_is_denied if {
	violations := policy.deny with input as external("metadata.google.internal")
	violations == {{
		"msg": "the Service stands for metadata.google.internal, the metadata of the cloud, the API server or the node itself",
		"path": "/spec/externalName",
		"details": {"externalName": "metadata.google.internal"},
		"remedy": {"text": "remove this Service"},
	}}
	warnings := policy.warn with input as external("metadata.google.internal")
	warnings == set()
}

test_this_is_denied if {
	every name in ["localhost", "LOCALHOST", "Metadata.Google.Internal.", "169.254.169.254", "127.0.0.1", "kubernetes.default.svc.cluster.local", "instance-data.ec2.internal"] {
		violations := policy.deny with input as external(name)
		fixture.paths(violations) == {"/spec/externalName"}
		warnings := policy.warn with input as external(name)
		warnings == set()
	}
}

test_another_Service_is_a_warning if {
	every name in ["vault.security.svc.cluster.local", "vault.security.svc", "vault.security.svc.cluster.local."] {
		warnings := policy.warn with input as external(name)
		count(warnings) == 1
		contains(concat("", fixture.messages(warnings)), "another Service of the cluster")
		violations := policy.deny with input as external(name)
		violations == set()
	}
}

test_a_name_outside_is_a_warning if {
	warnings := policy.warn with input as external("db.example.net")
	fixture.messages(warnings) == {concat("", [
		"the Service stands for db.example.net, a name outside of the cluster: ",
		"whoever owns it, or gets it once it is given up, answers",
	])}
}

test_other_types_are_allowed if {
	every kind in ["ClusterIP", null] {
		violations := policy.deny with input as service({"type": kind, "externalName": "localhost"})
		violations == set()
		warnings := policy.warn with input as service({"type": kind, "externalName": "db.example.net"})
		warnings == set()
	}
}

test_malformed_names_are_no_violation if {
	every name in [null, 5, ["localhost"]] {
		violations := policy.deny with input as external(name)
		violations == set()
		warnings := policy.warn with input as external(name)
		warnings == set()
	}
}

test_parameters_allow_and_deny_names if {
	parameters := {"allowed": ["db.example.net", ".rds.example.com"], "denied": ["metadata.example.com"]}
	every name in ["db.example.net", "orders.rds.example.com", "localhost.rds.example.com"] {
		warnings := policy.warn with input as fixture.with_parameters(external(name), parameters)
		warnings == set()
		others := policy.warn with input as fixture.with_parameters(external("rds.example.com"), parameters)
		count(others) == 1
		violations := policy.deny with input as fixture.with_parameters(external("metadata.example.com"), parameters)
		count(violations) == 1
	}
}

test_a_deleted_Service_is_not_judged if {
	violations := policy.deny with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"type": "ExternalName", "externalName": "localhost"},
	})
	violations == set()
}

test_a_name_that_only_ends_like_an_allowed_one_is_a_warning if {
	warnings := policy.warn with input as fixture.with_parameters(external("evil-example.net"), {"allowed": ["example.net"], "denied": []})
	count(warnings) == 1
}
