package lockkeeper.host_ownership_test

import data.lockkeeper.host_ownership as policy
import data.lockkeeper.lib.fixture

ingress(namespace, spec) := {
	"apiVersion": "networking.k8s.io/v1",
	"kind": "Ingress",
	"metadata": {"name": "web", "namespace": namespace},
	"spec": spec,
}

route(namespace, gateway, hostnames) := {
	"apiVersion": "gateway.networking.k8s.io/v1",
	"kind": "HTTPRoute",
	"metadata": {"name": "web", "namespace": namespace},
	"spec": {"parentRefs": [{"name": gateway, "namespace": "infra"}], "hostnames": hostnames},
}

rule(host, path) := {"host": host, "http": {"paths": [{"path": path}]}}

judged(manifest, others) := object.union(fixture.create(manifest), {
	"review": {"namespace": manifest.metadata.namespace},
	"related": {"objects": others, "complete": true},
})

shop := ingress("shop", {"rules": [rule("shop.example.com", "/")]})

test_a_host_of_another_namespace_is_denied if {
	violations := policy.deny with input as judged(ingress("rogue", {"rules": [rule("api.example.com", "/"), rule("Shop.example.com", "/")]}), [shop])
	violations == {{
		"msg": "shop.example.com/ belongs to Ingress shop/web already",
		"path": "/spec/rules/1",
		"details": {"host": "shop.example.com", "owner": "Ingress shop/web"},
		"remedy": {"text": "use a host of your own, or have the other namespace give this one up first"},
	}}
	warnings := policy.warn with input as judged(ingress("rogue", {"rules": [rule("Shop.example.com", "/")]}), [shop])
	warnings == set()
}

test_another_path_of_it_is_a_warning if {
	base := judged(ingress("rogue", {"rules": [rule("shop.example.com", "/login")]}), [shop])
	warnings := policy.warn with input as base
	fixture.messages(warnings) == {"shop.example.com is served by Ingress shop/web too, under another path"}
	violations := policy.deny with input as base
	violations == set()
}

test_a_route_that_takes_the_host_of_an_Ingress_is_denied if {
	violations := policy.deny with input as judged(route("rogue", "public", ["shop.example.com"]), [shop])
	fixture.paths(violations) == {"/spec/hostnames/0"}
}

test_two_routes_meet_on_one_Gateway_only if {
	on_the_same := policy.deny with input as judged(route("rogue", "public", ["a.example.com"]), [route("shop", "public", ["a.example.com"])])
	fixture.messages(on_the_same) == {"a.example.com/ belongs to HTTPRoute shop/web already"}
	on_another := policy.deny with input as judged(route("rogue", "internal", ["a.example.com"]), [route("shop", "public", ["a.example.com"])])
	on_another == set()
}

test_two_classes_of_Ingress_are_two_addresses if {
	internal := ingress("rogue", {"ingressClassName": "internal", "rules": [rule("shop.example.com", "/")]})
	violations := policy.deny with input as judged(internal, [object.union(shop, {"spec": {"ingressClassName": "public"}})])
	violations == set()
	annotated := object.union(shop, {"metadata": {"annotations": {"kubernetes.io/ingress.class": "internal"}}})
	of_the_annotation := policy.deny with input as judged(internal, [annotated])
	count(of_the_annotation) == 1
}

test_the_first_owner_may_change_its_object if {
	base := judged(shop, [ingress("rogue", {"rules": [rule("shop.example.com", "/")]})])
	violations := policy.deny with input as object.union(base, {"review": {"operation": "UPDATE", "oldObject": shop}})
	violations == set()
}

test_a_host_that_is_added_later_is_judged if {
	base := judged(ingress("rogue", {"rules": [rule("shop.example.com", "/")]}), [shop])
	violations := policy.deny with input as object.union(base, {"review": {
		"operation": "UPDATE",
		"oldObject": ingress("rogue", {"rules": [rule("api.example.com", "/")]}),
	}})
	count(violations) == 1
}

test_this_is_allowed[name] if {
	some name, base in {
		"the same namespace": judged(ingress("shop", {"rules": [rule("shop.example.com", "/")]}), [shop]),
		"another host": judged(ingress("rogue", {"rules": [rule("rogue.example.com", "/")]}), [shop]),
		"no host, which claims no name": judged(ingress("rogue", {"rules": [{}]}), [ingress("shop", {"rules": [{}]})]),
		"other kinds": judged(ingress("rogue", {"rules": [rule("shop.example.com", "/")]}), [{"kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}]),
		"nothing is known": object.union(judged(ingress("rogue", {"rules": [rule("shop.example.com", "/")]}), []), {"related": null}),
		"malformed objects": judged(ingress("rogue", {"rules": [rule("shop.example.com", "/")]}), [null, "Ingress", {"kind": "Ingress"}]),
	}
	violations := policy.deny with input as base
	violations == set()
	warnings := policy.warn with input as base
	warnings == set()
}

test_parameters_name_shared_hosts if {
	violations := policy.deny with input as fixture.with_parameters(
		judged(ingress("rogue", {"rules": [rule("shop.example.com", "/")]}), [shop]),
		{"sharedHosts": ["shop.example.com"]},
	)
	violations == set()
}
