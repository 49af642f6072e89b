# METADATA
# title: Inputs for tests
# description: Makes the input of a policy from an object, as the API server would send it.
package lockkeeper.lib.fixture

create(object) := {"review": _review(object, "CREATE", null), "parameters": {}, "risk": null}

update(object, old_object) := {"review": _review(object, "UPDATE", old_object), "parameters": {}, "risk": null}

delete(old_object) := {
	"review": object.union(_review(old_object, "DELETE", old_object), {"object": null}),
	"parameters": {},
	"risk": null,
}

# The request as another user sends it, in groups such as "system:masters".
by(base, username, groups) := with_review(base, {"userInfo": {"username": username, "groups": groups}})

# The request with these members over its own.
with_review(base, members) := object.union(base, {"review": members})

with_parameters(base, parameters) := object.union(base, {"parameters": parameters})

# In a namespace with labels of the Pod Security Standards: {"enforce": "restricted", "warn-version": "v1.28"}.
in_namespace(base, modes) := object.union(base, {"namespace": {"annotations": {}, "labels": {label: value |
	some mode, value in modes
	label := concat("", ["pod-security.kubernetes.io/", mode])
}}})

pod(spec) := create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

# A Pod with one container: the given members over a name and an image.
container(members) := pod({"containers": [object.union({"name": "web", "image": "shop/web:1.4.2"}, members)]})

# A CronJob, whose pod spec is deepest of the built-in kinds: /spec/jobTemplate/spec/template/spec.
cron_job(spec) := create({
	"apiVersion": "batch/v1",
	"kind": "CronJob",
	"metadata": {"name": "report", "namespace": "shop"},
	"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

# A kind that only a row of the test's own table makes a workload, with two stars in its path.
fleet(spec) := create({
	"apiVersion": "fleet.example.com/v1",
	"kind": "Fleet",
	"metadata": {"name": "ships", "namespace": "shop"},
	"spec": {"groups": {"a/b": {"members": [{"role": "idle"}, {"template": {"spec": spec}}]}}},
})

fleet_table := [{"group": "fleet.example.com", "kind": "Fleet", "path": "/spec/groups/*/members/*/template"}]

# Where the pod spec of a fleet is.
fleet_pointer := "/spec/groups/a~1b/members/1/template/spec"

paths(violations) := {violation.path | some violation in violations}

messages(violations) := {violation.msg | some violation in violations}

_review(object, operation, old_object) := {
	"uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
	"kind": _kind(object),
	"name": object.metadata.name,
	"operation": operation,
	"userInfo": {"username": "system:serviceaccount:argocd:argocd-application-controller"},
	"object": object,
	"oldObject": old_object,
}

_kind(object) := {"group": group, "version": version, "kind": object.kind} if {
	[group, version] := split(object.apiVersion, "/")
}

_kind(object) := {"group": "", "version": object.apiVersion, "kind": object.kind} if not contains(object.apiVersion, "/")
