# METADATA
# title: Gateways open to every namespace
# description: |
#   A listener that takes routes from all namespaces lets each of them publish under every host of the Gateway, the login
#   page of another team included. A grant for all Secrets of a namespace lets others serve with its certificates.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:AC-6", "NIST:SP800-53:SC-7"]
#   docs: https://gateway-api.sigs.k8s.io/concepts/security/#1-route-binding
#   match:
#     kinds:
#       - apiGroups: [gateway.networking.k8s.io]
#         kinds: [Gateway, ReferenceGrant]
#   parameters: {}
package lockkeeper.gateway_open_routes

import data.lockkeeper.lib.workload

warn contains violation if {
	listeners := input.review.object.spec.listeners
	is_array(listeners)
	some i, listener in listeners
	_is_open(listener.allowedRoutes.namespaces)
	violation := {
		"msg": sprintf(`listener "%s" takes routes from every namespace, for %s`, [workload.name(listener), _host(listener)]),
		"path": concat("", ["/spec/listeners/", format_int(i, 10), "/allowedRoutes/namespaces"]),
		"details": {"listener": workload.name(listener)},
		"remedy": {"text": "use from: Selector with a label that only the namespaces concerned have"},
	}
}

warn contains violation if {
	targets := input.review.object.spec.to
	is_array(targets)
	some i, target in targets
	target.kind == "Secret"
	object.get(target, "name", "") in {"", null}
	violation := {
		"msg": "the grant lets another namespace use every Secret of this one",
		"path": concat("", ["/spec/to/", format_int(i, 10)]),
		"details": {"kind": "Secret"},
		"remedy": {"text": "name the Secret of the certificate"},
	}
}

_is_open(namespaces) if namespaces.from == "All"

# An empty selector selects every namespace.
_is_open(namespaces) if {
	namespaces.from == "Selector"
	object.get(namespaces, ["selector", "matchLabels"], {}) in [{}, null]
	object.get(namespaces, ["selector", "matchExpressions"], []) in [[], null]
}

default _host(_) := "every host"

_host(listener) := listener.hostname if {
	is_string(listener.hostname)
	listener.hostname != ""
}
