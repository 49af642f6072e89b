package lockkeeper.gateway_open_routes_test

import data.lockkeeper.gateway_open_routes as policy
import data.lockkeeper.lib.fixture

gateway(routes) := fixture.create({
	"apiVersion": "gateway.networking.k8s.io/v1",
	"kind": "Gateway",
	"metadata": {"name": "public", "namespace": "infra"},
	"spec": {"gatewayClassName": "example", "listeners": [
		{"name": "own", "protocol": "HTTPS", "port": 8443},
		object.union({"name": "web", "protocol": "HTTPS", "port": 443, "hostname": "*.example.com"}, routes),
	]},
})

grant(to) := fixture.create({
	"apiVersion": "gateway.networking.k8s.io/v1beta1",
	"kind": "ReferenceGrant",
	"metadata": {"name": "certificates", "namespace": "shop"},
	"spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra"}], "to": to},
})

test_routes_from_everywhere_are_a_warning if {
	warnings := policy.warn with input as gateway({"allowedRoutes": {"namespaces": {"from": "All"}}})
	warnings == {{
		"msg": `listener "web" takes routes from every namespace, for *.example.com`,
		"path": "/spec/listeners/1/allowedRoutes/namespaces",
		"details": {"listener": "web"},
		"remedy": {"text": "use from: Selector with a label that only the namespaces concerned have"},
	}}
}

test_a_listener_without_hostname_is_for_every_host if {
	every hostname in ["", null] {
		warnings := policy.warn with input as gateway({"hostname": hostname, "allowedRoutes": {"namespaces": {"from": "All"}}})
		fixture.messages(warnings) == {`listener "web" takes routes from every namespace, for every host`}
	}
}

test_an_empty_selector_is_every_namespace if {
	every selector in [{}, {"matchLabels": {}}, {"matchLabels": null, "matchExpressions": []}] {
		warnings := policy.warn with input as gateway({"allowedRoutes": {"namespaces": {"from": "Selector", "selector": selector}}})
		count(warnings) == 1
	}
}

test_this_is_allowed[name] if {
	some name, routes in {
		"the default": {},
		"the own namespace": {"allowedRoutes": {"namespaces": {"from": "Same"}}},
		"a label": {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"shop": "true"}}}}},
		"an expression": {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchExpressions": [{"key": "shop", "operator": "Exists"}]}}}},
		"malformed": {"allowedRoutes": {"namespaces": "All"}},
	}
	warnings := policy.warn with input as gateway(routes)
	warnings == set()
}

test_a_grant_for_every_Secret_is_a_warning if {
	every name in [{}, {"name": ""}, {"name": null}] {
		warnings := policy.warn with input as grant([{"group": "", "kind": "Service"}, object.union({"group": "", "kind": "Secret"}, name)])
		warnings == {{
			"msg": "the grant lets another namespace use every Secret of this one",
			"path": "/spec/to/1",
			"details": {"kind": "Secret"},
			"remedy": {"text": "name the Secret of the certificate"},
		}}
	}
}

test_a_grant_for_one_Secret_is_allowed if {
	warnings := policy.warn with input as grant([{"group": "", "kind": "Secret", "name": "tls"}])
	warnings == set()
}

test_malformed_lists_are_no_violation if {
	every list in [null, "All", [null, "All"]] {
		of_a_grant := policy.warn with input as grant(list)
		of_a_grant == set()
	}
}
