package lockkeeper.lib.changeset_test

import data.lockkeeper.lib.changeset
import data.lockkeeper.lib.changeset_fixture as fixture

web := fixture.deployment("web", {"app": "web"})

old_web := fixture.deployment("web", {"app": "old"})

pod := {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": "shop", "labels": {"app": "one"}}}

test_before_and_after_have_the_index_of_the_change if {
	set := fixture.set_of([fixture.create(pod), fixture.update(old_web, web), fixture.delete(pod)])
	before := changeset.before with input as set
	before == {1: old_web, 2: pod}
	after := changeset.after with input as set
	after == {0: pod, 1: web}
	updates := changeset.updates with input as set
	updates == {1: {"old": old_web, "new": web}}
	indices := changeset.indices({"Pod shop/one"}) with input as set
	indices == [0, 2]
}

test_labels_and_groups if {
	changeset.label(web) == "Deployment shop/web"
	changeset.label({"kind": "Namespace", "metadata": {"name": "shop"}}) == "Namespace shop"
	changeset.group(web) == "apps"
	changeset.group(pod) == ""
}

test_workloads_are_found_with_the_labels_of_their_pods if {
	bare := fixture.named("apps/v1", "Deployment", "bare", {"template": {"spec": {}}})
	found := changeset.workloads([web, pod, bare, fixture.service("web", {"app": "web"})])
	found == {
		"Deployment shop/web": {"namespace": "shop", "labels": {"app": "web"}},
		"Pod shop/one": {"namespace": "shop", "labels": {"app": "one"}},
		"Deployment shop/bare": {"namespace": "shop", "labels": {}},
	}
}

pod_with(name, namespace, labels) := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": name, "namespace": namespace, "labels": labels},
}

candidates := [
	pod_with("web", "shop", {"app": "web", "tier": "front"}),
	pod_with("db", "shop", {"app": "db", "of": "shop"}),
	pod_with("cache", "shop", {"app": "cache", "of": "shop"}),
	pod_with("far", "other", {"app": "web"}),
]

# Before there are only they, and after there is something else, and the other way round.
selected_by(selecting) := found if {
	found := changeset.selected_before(selecting) with input as fixture.set_of([fixture.delete(each) | some each in candidates])
	found == changeset.selected_after(selecting) with input as fixture.set_of([fixture.create(each) | some each in candidates])
	set() == changeset.selected_after(selecting) with input as fixture.set_of([fixture.delete(each) | some each in candidates])
}

pods(names) := {sprintf("Pod shop/%s", [name]) | some name in names}

test_selected[name] if {
	some name, [selecting, wanted] in {
		"by a Service": [fixture.service("web", {"app": "web"}), {"web"}],
		"by the rarest label and the others": [fixture.service("web", {"app": "db", "of": "shop"}), {"db"}],
		"by a label that several have": [fixture.service("web", {"of": "shop"}), {"db", "cache"}],
		"by a rare label without the other": [fixture.service("web", {"app": "web", "of": "shop"}), set()],
		"by every label of a Service": [fixture.service("web", {"app": "web", "tier": "back"}), set()],
		"by an empty podSelector": [fixture.network_policy("all", {"podSelector": {}}), {"web", "db", "cache"}],
		"by a NetworkPolicy without one": [fixture.network_policy("all", {}), {"web", "db", "cache"}],
		"by a budget": [fixture.named("policy/v1", "PodDisruptionBudget", "web", {"selector": {"matchLabels": {"app": "db"}}}), {"db"}],
		"In": [expression("In", "app", ["db", "web"]), {"web", "db"}],
		"NotIn": [expression("NotIn", "tier", ["front"]), {"db", "cache"}],
		"Exists": [expression("Exists", "tier", []), {"web"}],
		"DoesNotExist": [expression("DoesNotExist", "tier", []), {"db", "cache"}],
	}
	selected_by(selecting) == pods(wanted)
}

expression(operator, key, values) := fixture.network_policy("some", {"podSelector": {"matchExpressions": [{"operator": operator, "key": key, "values": values}]}})

test_nothing_is_selected_by[name] if {
	some name, selecting in {
		"a Service without a selector": fixture.named("v1", "Service", "web", {}),
		"a Service with an empty one": fixture.service("web", {}),
		"a Service of Knative": fixture.named("serving.knative.dev/v1", "Service", "web", {"selector": {"app": "web"}}),
		"a budget without a selector": fixture.named("policy/v1", "PodDisruptionBudget", "web", {}),
		"another kind": fixture.named("v1", "ConfigMap", "web", {"selector": {"app": "web"}}),
	}
	selected_by(selecting) == set()
}
