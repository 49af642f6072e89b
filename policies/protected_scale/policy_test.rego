package lockkeeper.protected_scale_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.protected_scale as policy

label := "policy.lockkeeper.dev/protected"

parameters := {
	"label": label,
	"workloads": ["shop/checkout"],
	"protectedNamespaces": ["kube-system"],
	"deployers": ["ServiceAccount:argocd/*"],
	"exemptSubjects": [],
}

object_of(kind, name, labels, spec) := {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}

scaled(kind, name, labels, old, new, namespace) := fixture.by(
	fixture.with_parameters(
		fixture.with_review(fixture.update(object_of(kind, name, labels, new), object_of(kind, name, labels, old)), {"namespace": namespace}),
		parameters,
	),
	"alice",
	[],
)

test_a_labelled_workload_is_denied if {
	violations := policy.deny with input as scaled("Deployment", "web", {label: "true"}, {"replicas": 3}, {"replicas": 0}, "shop")
	violations == {{
		"msg": `the user "alice" scales web in shop from 3 to 0`,
		"path": "/spec/replicas",
		"details": {"name": "web"},
		"remedy": {"text": "make the change in Git"},
	}}
}

test_a_named_workload_is_denied_through_its_scale_as_well if {
	violations := policy.deny with input as scaled("Scale", "checkout", {}, {"replicas": 3}, {}, "shop")
	count(violations) == 1
}

test_protected_namespaces_are_a_warning if {
	request := scaled("Scale", "dns", {}, {"replicas": 2}, {"replicas": 0}, "kube-system")
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.paths(warnings) == {"/spec/replicas"}
}

test_replicas[name] if {
	some name, [kind, old, new, count_of_violations] in {
		"to nothing": ["Deployment", {"replicas": 1}, {"replicas": 0}, 1],
		"from the default": ["StatefulSet", {}, {"replicas": 0}, 1],
		"to the default": ["Deployment", {"replicas": 3}, {}, 0],
		"fewer": ["Deployment", {"replicas": 3}, {"replicas": 1}, 0],
		"nothing before": ["Deployment", {"replicas": 0}, {"replicas": 0}, 0],
		"a scale without zeros": ["Scale", {"replicas": 1}, {}, 1],
		"a scale from nothing": ["Scale", {}, {}, 0],
		"garbage": ["Deployment", {"replicas": "3"}, {"replicas": null}, 0],
	}
	violations := policy.deny with input as scaled(kind, "web", {label: "true"}, old, new, "shop")
	count(violations) == count_of_violations
}

test_other_workloads_are_allowed[name] if {
	some name, labels in {"without labels": null, "with another value": {label: "false"}}
	request := scaled("Deployment", "web", labels, {"replicas": 3}, {"replicas": 0}, "shop")
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	warnings == set()
}

test_deployers_and_controllers_may[username] if {
	some username in ["system:serviceaccount:argocd:argocd-application-controller", "system:serviceaccount:kube-system:horizontal-pod-autoscaler"]
	request := scaled("Deployment", "web", {label: "true"}, {"replicas": 3}, {"replicas": 0}, "shop")
	violations := policy.deny with input as fixture.by(request, username, [])
	violations == set()
}
