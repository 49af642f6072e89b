# METADATA
# title: Hosts
# description: The hosts, paths and Gateways of Ingresses and of the Gateway API's routes.
package lockkeeper.lib.hosts

# The hosts of a manifest by JSON pointer; "" is every host.
of(manifest) := {path: host |
	some i, rule in manifest.spec.rules
	host := _host(rule)
	path := concat("", ["/spec/rules/", format_int(i, 10)])
} if {
	manifest.kind == "Ingress"
	has_items(manifest, "rules")
}

# Without rules everything goes to the default backend.
of(manifest) := {"/spec": ""} if {
	manifest.kind == "Ingress"
	not has_items(manifest, "rules")
}

of(manifest) := {path: lower(host) |
	some i, host in manifest.spec.hostnames
	is_string(host)
	path := concat("", ["/spec/hostnames/", format_int(i, 10)])
} if {
	_is_route(manifest)
	has_items(manifest, "hostnames")
}

# Such a route has the hosts of its listeners. One whose only parents are Services is part of a mesh, and has none.
of(manifest) := {"/spec": ""} if {
	_is_route(manifest)
	not has_items(manifest, "hostnames")
	count(gateways(manifest)) > 0
}

has_items(manifest, field) if {
	is_array(manifest.spec[field])
	count(manifest.spec[field]) > 0
}

# How messages call a host.
label("") := "every host"

label(host) := sprintf("host %s", [host]) if host != ""

# Whether a name of a certificate, which may begin with `*.`, is good for a host.
covers(name, host) if lower(name) == host

covers(name, host) if {
	startswith(name, "*.")
	dot := indexof(host, ".")
	dot > 0
	substring(host, dot, -1) == lower(substring(name, 1, -1))
}

# The paths that a manifest serves of one of its hosts.
paths(manifest, host) := {path |
	some rule in manifest.spec.rules
	_host(rule) == host
	some entry in object.get(rule, ["http", "paths"], [{}])
	path := _or_root(object.get(entry, "path", ""))
} if {
	manifest.kind == "Ingress"
}

paths(manifest, _) := {path |
	some rule in object.get(manifest, ["spec", "rules"], [{}])
	some match in _matches(rule)
	path := _or_root(object.get(match, ["path", "value"], ""))
} if {
	_is_route(manifest)
}

# The Gateways that a route is attached to, as `<namespace>/<name>`.
gateways(manifest) := {gateway |
	some reference in manifest.spec.parentRefs
	object.get(reference, "kind", "Gateway") in {"Gateway", null}
	gateway := concat("/", [_namespace(reference, manifest), reference.name])
}

default _host(_) := ""

_host(rule) := lower(rule.host) if is_string(rule.host)

default _or_root(_) := "/"

_or_root(path) := path if {
	is_string(path)
	path != ""
}

default _matches(_) := [{}]

_matches(rule) := rule.matches if count(rule.matches) > 0

_namespace(reference, _) := reference.namespace if is_string(reference.namespace)

_namespace(reference, manifest) := object.get(manifest, ["metadata", "namespace"], "") if {
	object.get(reference, "namespace", null) == null
}

_is_route(manifest) if manifest.kind in {"GRPCRoute", "HTTPRoute", "TLSRoute"}
