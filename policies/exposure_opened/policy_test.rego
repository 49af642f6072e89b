package lockkeeper.exposure_opened_test

import data.lockkeeper.exposure_opened as policy
import data.lockkeeper.lib.changeset_fixture as fixture

service(type) := fixture.named("v1", "Service", "web", {"type": type})

plain := fixture.named("v1", "Service", "web", {})

messages(changes) := {violation.msg | some violation in found} if found := policy.warn with input as fixture.set_of(changes)

test_a_service_that_becomes_a_load_balancer_is_a_warning if {
	violations := policy.warn with input as fixture.set_of([fixture.keep(fixture.deployment("web", {})), fixture.update(plain, service("LoadBalancer"))])
	violations == {{
		"msg": "Service shop/web was of type ClusterIP and becomes LoadBalancer: most clouds give it an address of its own",
		"path": "",
		"details": {"objects": [1], "type": "LoadBalancer"},
		"remedy": {"text": "leave the Service as it is, and add one of its own, or an Ingress with TLS and a login, for what is to be reached from outside"},
	}}
}

test_types[name] if {
	some name, [before, after, warnings] in {
		"to node ports": ["ClusterIP", "NodePort", 1],
		"from node ports to a load balancer": ["NodePort", "LoadBalancer", 1],
		"from a name elsewhere": ["ExternalName", "NodePort", 1],
		"back": ["LoadBalancer", "ClusterIP", 0],
		"back to node ports": ["LoadBalancer", "NodePort", 0],
		"as it is": ["NodePort", "NodePort", 0],
	}
	count(messages([fixture.update(service(before), service(after))])) == warnings
}

test_a_new_service_and_another_kind_are_allowed if {
	messages([fixture.keep(fixture.deployment("web", {})), fixture.create(service("LoadBalancer"))]) == set()
	route := {"apiVersion": "serving.knative.dev/v1"}
	messages([fixture.update(object.union(plain, route), object.union(service("LoadBalancer"), route))]) == set()
}

test_a_host_that_an_ingress_gets_is_a_warning if {
	violations := policy.warn with input as fixture.set_of([fixture.update(fixture.ingress("web", "a.example.com", "web"), fixture.ingress("web", "b.example.com", "web"))])
	violations == {{
		"msg": "Ingress shop/web opens host b.example.com: no object of the change had it before",
		"path": "",
		"details": {"hosts": ["b.example.com"], "objects": [0]},
		"remedy": {"text": "see that whoever may reach the host is meant to, and that it asks for a login"},
	}}
}

test_an_ingress_for_a_service_that_was_there_is_a_warning if {
	messages([fixture.keep(plain), fixture.create(fixture.ingress("web", "a.example.com", "web"))]) == {"Ingress shop/web opens host a.example.com: no object of the change had it before"}
}

test_these_lead_to_the_service[name] if {
	some name, spec in {
		"a default backend": {"defaultBackend": {"service": {"name": "web"}}},
		"an old backend": {"backend": {"serviceName": "web"}},
		"an old path": {"rules": [{"http": {"paths": [{"backend": {"serviceName": "web"}}]}}]},
	}
	count(messages([fixture.keep(plain), fixture.create(fixture.named("networking.k8s.io/v1", "Ingress", "web", spec))])) == 1
}

route(backend) := fixture.named("gateway.networking.k8s.io/v1", "HTTPRoute", "web", {
	"parentRefs": [{"name": "public"}],
	"hostnames": ["A.example.com"],
	"rules": [{"backendRefs": [backend]}],
})

test_a_route_for_a_service_that_was_there_is_a_warning if {
	messages([fixture.keep(plain), fixture.create(route({"name": "web", "port": 80}))]) == {"HTTPRoute shop/web opens host a.example.com: no object of the change had it before"}
}

test_a_route_to_something_else_is_allowed if {
	messages([fixture.keep(plain), fixture.create(route({"name": "web", "kind": "Bucket"}))]) == set()
	messages([fixture.keep(plain), fixture.create(route({"name": "web", "namespace": "other"}))]) == set()
}

test_hosts_that_are_allowed[name] if {
	some name, changes in {
		"of a new component": [fixture.keep(plain), fixture.create(fixture.ingress("shop", "a.example.com", "shop"))],
		"of a first install": [fixture.create(plain), fixture.create(fixture.ingress("web", "a.example.com", "web"))],
		"that stay": [fixture.keep(fixture.ingress("web", "a.example.com", "web"))],
		"that move to another object": [
			fixture.keep(plain),
			fixture.delete(fixture.ingress("old", "a.example.com", "web")),
			fixture.create(fixture.ingress("web", "a.example.com", "web")),
		],
		"that go": [fixture.delete(fixture.ingress("old", "a.example.com", "web"))],
	}
	messages(changes) == set()
}

test_parameters_decide if {
	set := fixture.set_of([fixture.keep(plain), fixture.create(fixture.ingress("web", "a.example.com", "web"))])
	violations := policy.warn with input as object.union(set, {"parameters": {"ignoredHosts": ["*.example.com"]}})
	violations == set()
}
