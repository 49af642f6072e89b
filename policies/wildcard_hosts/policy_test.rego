package lockkeeper.wildcard_hosts_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.wildcard_hosts as policy

ingress(spec) := fixture.create({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

route(kind, spec) := fixture.create({
	"apiVersion": "gateway.networking.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "web", "namespace": "shop"},
	"spec": object.union({"parentRefs": [{"name": "public", "namespace": "infra"}]}, spec),
})

test_a_rule_without_host_is_a_warning if {
	warnings := policy.warn with input as ingress({"rules": [{"host": "web.example.com"}, {"http": {"paths": []}}]})
	warnings == {{
		"msg": "every host: requests for names that nobody else claims come here",
		"path": "/spec/rules/1",
		"details": {"host": ""},
		"remedy": {"text": "name each host that the application has"},
	}}
}

test_a_host_with_a_star_is_a_warning if {
	warnings := policy.warn with input as ingress({"rules": [{"host": "*.example.com"}]})
	fixture.messages(warnings) == {"host *.example.com: requests for names that nobody else claims come here"}
}

test_an_Ingress_without_rules_is_a_warning if {
	warnings := policy.warn with input as ingress({"defaultBackend": {"service": {"name": "web"}}})
	fixture.paths(warnings) == {"/spec"}
}

test_a_default_backend_beside_rules_is_a_warning if {
	every field in ["defaultBackend", "backend"] {
		warnings := policy.warn with input as ingress({"rules": [{"host": "web.example.com"}], field: {"service": {"name": "web"}}})
		fixture.paths(warnings) == {concat("", ["/spec/", field])}
		fixture.messages(warnings) == {concat("", [field, " takes every request that no rule of any Ingress matches"])}
	}
}

test_routes_are_judged_too if {
	every kind in ["HTTPRoute", "GRPCRoute", "TLSRoute"] {
		warnings := policy.warn with input as route(kind, {"hostnames": ["web.example.com", "*.example.com"]})
		fixture.paths(warnings) == {"/spec/hostnames/1"}
		of_every_host := policy.warn with input as route(kind, {})
		fixture.paths(of_every_host) == {"/spec"}
	}
}

test_this_is_allowed[name] if {
	some name, base in {
		"named hosts of an Ingress": ingress({"rules": [{"host": "web.example.com"}, {"host": "api.example.com"}]}),
		"named hosts of a route": route("HTTPRoute", {"hostnames": ["web.example.com"]}),
		"a route of a mesh": route("HTTPRoute", {"parentRefs": [{"group": "", "kind": "Service", "name": "web"}]}),
	}
	warnings := policy.warn with input as base
	warnings == set()
}

test_parameters_allow_wildcards if {
	warnings := policy.warn with input as fixture.with_parameters(
		ingress({"rules": [{"host": "*.preview.example.com"}, {"host": "*.example.com"}]}),
		{"allowed": ["*.preview.example.com"]},
	)
	fixture.paths(warnings) == {"/spec/rules/1"}
}
