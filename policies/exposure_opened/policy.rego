# METADATA
# title: Services opened by a change
# description: |
#   A Service that was for the cluster only and gets a port on every node, a load balancer or a host of an Ingress can be
#   reached by strangers with the next sync. What was never meant for them has no login and no limits.
# custom:
#   severity: high
#   scope: changeset
#   controls: ["MITRE:T1133", "NIST:SP800-53:SC-7"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # Hosts that anything may have; `*.` before a domain is every host in it.
#     ignoredHosts: []
package lockkeeper.exposure_opened

import data.lockkeeper.lib.changeset
import data.lockkeeper.lib.hosts

warn contains violation if {
	some i, update in changeset.updates
	update.new.kind == "Service"
	changeset.group(update.new) == ""
	before := _type(update.old)
	after := _type(update.new)
	_reach[after] > _reach[before]
	violation := {
		"msg": sprintf("%s was of type %s and becomes %s: %s", [changeset.label(update.new), before, after, _who[after]]),
		"path": "",
		"details": {"objects": [i], "type": after},
		"remedy": {"text": "leave the Service as it is, and add one of its own, or an Ingress with TLS and a login, for what is to be reached from outside"},
	}
}

# Hosts that no object of the change had: of an Ingress or route that was there, or for a Service that was.
warn contains violation if {
	count(changeset.before) > 0
	some i, manifest in changeset.after
	services := [service | some service in _services(manifest); service in _services_before]
	_is_for_old(i, services)
	found := sort({host |
		some host in hosts.of(manifest)
		not host in _hosts_before
		not _is_ignored(host)
	})
	count(found) > 0
	violation := {
		"msg": sprintf("%s opens %s: no object of the change had it before", [changeset.label(manifest), concat(", ", [hosts.label(host) | some host in found])]),
		"path": "",
		"details": {"hosts": found, "objects": [i]},
		"remedy": {"text": "see that whoever may reach the host is meant to, and that it asks for a login"},
	}
}

_is_for_old(i, _) if changeset.before[i]

_is_for_old(_, services) if count(services) > 0

_hosts_before := {host | some manifest in changeset.before; some host in hosts.of(manifest)}

_services_before := {changeset.label(manifest) | some manifest in changeset.before; manifest.kind == "Service"}

# The Services behind an Ingress or a route.
_services(manifest) := {sprintf("Service %s/%s", [_namespace(backend, manifest), backend.name]) |
	some backend in _backends(manifest)
	is_string(backend.name)
}

_backends(manifest) := array.concat(
	[_service(entry.backend) | some rule in manifest.spec.rules; some entry in rule.http.paths],
	[_service(backend) | some field in ["backend", "defaultBackend"]; backend := manifest.spec[field]],
) if {
	manifest.kind == "Ingress"
}

_backends(manifest) := [reference |
	some rule in manifest.spec.rules
	some reference in rule.backendRefs
	object.get(reference, "kind", "Service") in {"Service", null}
] if {
	manifest.kind != "Ingress"
}

_service(backend) := backend.service if is_object(backend.service)

# As extensions/v1beta1 had it.
_service(backend) := {"name": backend.serviceName} if is_string(backend.serviceName)

_namespace(backend, _) := backend.namespace if is_string(backend.namespace)

_namespace(backend, manifest) := changeset.namespace(manifest) if object.get(backend, "namespace", null) == null

default _type(_) := "ClusterIP"

_type(service) := service.spec.type if is_string(service.spec.type)

# How far a Service can be reached.
_reach := {"ExternalName": 0, "ClusterIP": 0, "NodePort": 1, "LoadBalancer": 2}

_who := {
	"NodePort": "whoever reaches a node reaches it",
	"LoadBalancer": "most clouds give it an address of its own",
}

_is_ignored(host) if {
	some pattern in _ignored_hosts
	hosts.covers(pattern, host)
}

default _ignored_hosts := []

_ignored_hosts := input.parameters.ignoredHosts
