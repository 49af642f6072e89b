package lockkeeper.ingress_tls_test

import data.lockkeeper.ingress_tls as policy
import data.lockkeeper.lib.fixture

ingress(spec) := fixture.create({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

gateway(listeners) := fixture.create({
	"apiVersion": "gateway.networking.k8s.io/v1",
	"kind": "Gateway",
	"metadata": {"name": "public", "namespace": "infra"},
	"spec": {"gatewayClassName": "example", "listeners": listeners},
})

test_a_host_without_TLS_is_a_warning if {
	warnings := policy.warn with input as ingress({"rules": [{"host": "web.example.com"}]})
	warnings == {{
		"msg": "host web.example.com is served without TLS",
		"path": "/spec/rules/0",
		"details": {"host": "web.example.com"},
		"remedy": {"text": "add the host to spec.tls, with the Secret of its certificate"},
	}}
}

test_a_host_that_tls_leaves_out_is_a_warning if {
	warnings := policy.warn with input as ingress({
		"tls": [{"hosts": ["web.example.com"], "secretName": "web"}],
		"rules": [{"host": "web.example.com"}, {"host": "api.example.com"}],
	})
	fixture.paths(warnings) == {"/spec/rules/1"}
}

test_an_Ingress_without_rules_serves_every_host if {
	warnings := policy.warn with input as ingress({"defaultBackend": {"service": {"name": "web"}}})
	fixture.messages(warnings) == {"every host is served without TLS"}
	fixture.paths(warnings) == {"/spec"}
}

test_this_is_allowed[name] if {
	some name, spec in {
		"the host is named": {"tls": [{"hosts": ["web.example.com"]}], "rules": [{"host": "web.example.com"}]},
		"a wildcard covers it": {"tls": [{"hosts": ["*.example.com"]}], "rules": [{"host": "web.example.com"}]},
		"tls without hosts is for all": {"tls": [{"secretName": "default"}], "rules": [{"host": "web.example.com"}, {}]},
		"tls with no hosts is for all": {"tls": [{"hosts": []}], "rules": [{"host": "web.example.com"}]},
	}
	warnings := policy.warn with input as ingress(spec)
	warnings == set()
}

test_this_is_a_warning[name] if {
	some name, tls in {"no entries": [], "null": null, "a wildcard one label short": [{"hosts": ["*.com"]}], "a string": "yes"}
	warnings := policy.warn with input as ingress({"tls": tls, "rules": [{"host": "web.example.com"}]})
	count(warnings) == 1
}

test_a_certificate_of_the_load_balancer_is_TLS if {
	base := ingress({"rules": [{"host": "web.example.com"}]})
	warnings := policy.warn with input as object.union(base, {"review": {"object": {"metadata": {"annotations": {"networking.gke.io/managed-certificates": "web"}}}}})
	warnings == set()
	of_an_empty_one := policy.warn with input as object.union(base, {"review": {"object": {"metadata": {"annotations": {"networking.gke.io/managed-certificates": ""}}}}})
	count(of_an_empty_one) == 1
}

test_parameters_name_other_annotations if {
	base := ingress({"rules": [{"host": "web.example.com"}]})
	warnings := policy.warn with input as fixture.with_parameters(
		object.union(base, {"review": {"object": {"metadata": {"annotations": {"lb.example.com/tls": "on"}}}}}),
		{"tlsAnnotations": ["lb.example.com/tls"]},
	)
	warnings == set()
}

test_a_Gateway_for_HTTP_alone_is_a_warning if {
	warnings := policy.warn with input as gateway([{"name": "tcp", "protocol": "TCP", "port": 9000}, {"name": "web", "protocol": "HTTP", "port": 80}])
	warnings == {{
		"msg": `listener "web" takes HTTP, and no listener of the Gateway takes HTTPS`,
		"path": "/spec/listeners/1/protocol",
		"details": {"listener": "web"},
		"remedy": {"text": "add a listener for HTTPS with its certificate, and let this one redirect"},
	}}
}

test_a_Gateway_with_HTTPS_beside_HTTP_is_allowed if {
	every protocol in ["HTTPS", "TLS"] {
		warnings := policy.warn with input as gateway([{"name": "web", "protocol": "HTTP", "port": 80}, {"name": "secure", "protocol": protocol, "port": 443}])
		warnings == set()
	}
}

test_malformed_listeners_are_no_violation if {
	every listeners in [null, "HTTP", [null, "HTTP"]] {
		warnings := policy.warn with input as gateway(listeners)
		warnings == set()
	}
}
