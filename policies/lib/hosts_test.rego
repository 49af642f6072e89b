package lockkeeper.lib.hosts_test

import data.lockkeeper.lib.hosts

ingress(spec) := {"kind": "Ingress", "metadata": {"namespace": "shop"}, "spec": spec}

route(spec) := {"kind": "HTTPRoute", "metadata": {"namespace": "shop"}, "spec": spec}

gateway := {"name": "public", "namespace": "infra"}

test_an_Ingress_has_the_hosts_of_its_rules if {
	hosts.of(ingress({"rules": [{"host": "Web.example.com"}, {"host": null}, {}]})) == {
		"/spec/rules/0": "web.example.com",
		"/spec/rules/1": "",
		"/spec/rules/2": "",
	}
}

test_an_Ingress_without_rules_has_every_host if {
	every rules in [[], null] {
		hosts.of(ingress({"rules": rules, "defaultBackend": {}})) == {"/spec": ""}
		hosts.of(ingress({"defaultBackend": {}})) == {"/spec": ""}
	}
}

test_a_route_has_its_hostnames if {
	hosts.of(route({"parentRefs": [gateway], "hostnames": ["web.example.com", 5, "*.example.com"]})) == {
		"/spec/hostnames/0": "web.example.com",
		"/spec/hostnames/2": "*.example.com",
	}
}

test_a_route_without_hostnames_has_every_host_of_its_Gateway if {
	hosts.of(route({"parentRefs": [gateway]})) == {"/spec": ""}
}

test_a_route_of_a_mesh_has_no_host if {
	not hosts.of(route({"parentRefs": [{"group": "", "kind": "Service", "name": "web"}]}))
}

test_other_kinds_have_no_hosts if {
	not hosts.of({"kind": "Service", "spec": {"rules": [{"host": "web.example.com"}]}})
	not hosts.of({"kind": "Service", "spec": {"hostnames": ["web.example.com"]}})
	not hosts.of({"kind": "Service", "spec": {"parentRefs": [gateway]}})
	not hosts.of(null)
}

test_a_certificate_covers[name] if {
	some name, [pattern, host] in {
		"its own name": ["web.example.com", "web.example.com"],
		"a name in other case": ["Web.Example.com", "web.example.com"],
		"one label in place of the star": ["*.example.com", "web.example.com"],
		"a wildcard host": ["*.example.com", "*.example.com"],
	}
	hosts.covers(pattern, host)
}

test_a_certificate_does_not_cover[name] if {
	some name, [pattern, host] in {
		"another name": ["web.example.com", "api.example.com"],
		"two labels in place of the star": ["*.example.com", "a.web.example.com"],
		"the name behind the star": ["*.example.com", "example.com"],
		"a name without a star": ["x.example.com", "web.example.com"],
		"every host": ["*.example.com", ""],
	}
	not hosts.covers(pattern, host)
}

test_the_paths_of_one_host_of_an_Ingress if {
	manifest := ingress({"rules": [
		{"host": "web.example.com", "http": {"paths": [{"path": "/cart"}, {}]}},
		{"host": "api.example.com", "http": {"paths": [{"path": "/v1"}]}},
		{"host": "other.example.com"},
	]})
	hosts.paths(manifest, "web.example.com") == {"/cart", "/"}
	hosts.paths(manifest, "other.example.com") == {"/"}
}

test_the_paths_of_a_route if {
	hosts.paths(route({"rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/cart"}}, {}]}]}), "x") == {"/cart", "/"}
	hosts.paths(route({"rules": [{}]}), "x") == {"/"}
	hosts.paths(route({}), "x") == {"/"}
}

test_a_Gateway_is_in_the_namespace_of_the_route_unless_it_is_named if {
	hosts.gateways(route({"parentRefs": [gateway, {"name": "own", "kind": null}, {"name": "web", "kind": "Service"}]})) == {
		"infra/public",
		"shop/own",
	}
}

test_hosts_have_labels if {
	hosts.label("") == "every host"
	hosts.label("web.example.com") == "host web.example.com"
}
