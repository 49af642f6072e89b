# METADATA
# title: Changes for tests
# description: Makes the input of a set policy, and objects of the namespace shop for it.
package lockkeeper.lib.changeset_fixture

set_of(changes) := {"changes": changes, "grants": [], "parameters": {}}

create(manifest) := {"operation": "CREATE", "object": manifest, "oldObject": null}

update(old, new) := {"operation": "UPDATE", "object": new, "oldObject": old}

delete(old) := {"operation": "DELETE", "object": null, "oldObject": old}

keep(manifest) := update(manifest, manifest)

named(api_version, kind, name, spec) := {
	"apiVersion": api_version,
	"kind": kind,
	"metadata": {"name": name, "namespace": "shop"},
	"spec": spec,
}

deployment(name, labels) := named("apps/v1", "Deployment", name, {"template": {"metadata": {"labels": labels}, "spec": {}}})

service(name, selector) := named("v1", "Service", name, {"selector": selector})

network_policy(name, spec) := named("networking.k8s.io/v1", "NetworkPolicy", name, spec)

ingress(name, host, service_name) := named("networking.k8s.io/v1", "Ingress", name, {"rules": [{
	"host": host,
	"http": {"paths": [{"path": "/", "backend": {"service": {"name": service_name}}}]},
}]})
