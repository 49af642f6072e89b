package lockkeeper.lib.api_version_test

import data.lockkeeper.api_versions
import data.lockkeeper.lib.api_version
import data.lockkeeper.lib.fixture

object_of(api_version, kind) := {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}}

with_target(object, version) := fixture.with_parameters(fixture.create(object), {"kubernetesVersion": version})

selecting(api_version, kind, selector) := object.union(object_of(api_version, kind), {"spec": {"selector": selector}})

removal := [{"op": "replace", "path": "/apiVersion", "value": "policy/v1"}]

test_the_target_is_read_in_every_spelling[spelling] if {
	some spelling, minor in {"1.24": 24, "v1.24.17": 24, "1.24+": 24, "v1.24.3-gke.200": 24, "1.30": 30, "1.9": 9}
	found := api_version.target with input as with_target(object_of("v1", "Pod"), spelling)
	found == minor
}

test_a_target_that_cannot_be_read_is_the_newest_release if {
	every spelling in [null, 1.3, "latest", "", "2.1", "1", "1.", "1.x", "1.24x", ["1.24"]] {
		found := api_version.target with input as with_target(object_of("v1", "Pod"), spelling)
		found == 37
	}
	api_version.target == 37 with input as fixture.create(object_of("v1", "Pod"))
}

test_a_version_is_current_then_deprecated_then_removed if {
	budget := object_of("policy/v1beta1", "PodDisruptionBudget")
	states := {version: [deprecated, removed] |
		some version in ["1.20", "1.21", "1.24", "1.25", "1.37"]
		deprecated := [true | api_version.is_deprecated with input as with_target(budget, version)]
		removed := [true | api_version.is_removed with input as with_target(budget, version)]
	}
	states == {
		"1.20": [[], []],
		"1.21": [[true], []],
		"1.24": [[true], []],
		"1.25": [[], [true]],
		"1.37": [[], [true]],
	}
}

test_other_versions_kinds_and_groups_are_current if {
	every object in [
		object_of("policy/v1", "PodDisruptionBudget"),
		object_of("apps/v1beta1", "DaemonSet"),
		object_of("policy.example.com/v1beta1", "PodDisruptionBudget"),
		object_of("gateway.networking.k8s.io/v1beta1", "HTTPRoute"),
		object_of("v1", "Pod"),
		object_of(["policy/v1beta1"], "PodDisruptionBudget"),
		object_of("policy/v1beta1", null),
	] {
		not api_version.is_removed with input as fixture.create(object)
		not api_version.is_deprecated with input as fixture.create(object)
	}
}

test_the_remedy_is_a_patch_where_the_version_is_all_that_changes if {
	remedy := api_version.remedy with input as fixture.create(object_of("batch/v1beta1", "CronJob"))
	remedy == {
		"text": "set apiVersion to batch/v1",
		"patch": [{"op": "replace", "path": "/apiVersion", "value": "batch/v1"}],
	}
}

test_a_selector_that_selects_something_means_the_same_in_the_new_version if {
	every selector in [{"matchLabels": {"app": "web"}}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}] {
		remedy := api_version.remedy with input as fixture.create(selecting("policy/v1beta1", "PodDisruptionBudget", selector))
		remedy.patch == removal
	}
	every selector in [null, {}, {"matchLabels": {}}, {"matchLabels": null, "matchExpressions": []}] {
		remedy := api_version.remedy with input as fixture.create(selecting("policy/v1beta1", "PodDisruptionBudget", selector))
		not remedy.patch
		endswith(remedy.text, "an empty selector now selects every pod of the namespace, not none")
	}
}

test_the_remedy_is_a_sentence_where_fields_change if {
	remedy := api_version.remedy with input as fixture.create(object_of("networking.k8s.io/v1beta1", "Ingress"))
	not remedy.patch
	startswith(remedy.text, "set apiVersion to networking.k8s.io/v1, and mind: write each backend as service.name")
}

test_where_no_version_is_left_the_remedy_says_what_takes_its_place if {
	remedy := api_version.remedy with input as fixture.create(object_of("policy/v1beta1", "PodSecurityPolicy"))
	remedy == {"text": "label the namespaces for Pod Security admission, or write a policy for what it does not cover"}
}

test_a_version_that_the_target_does_not_have_yet_is_no_patch if {
	remedy := api_version.remedy with input as with_target(object_of("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema"), "1.26")
	remedy == {"text": "set apiVersion to flowcontrol.apiserver.k8s.io/v1, which Kubernetes has since 1.29: wait with it until the cluster has, too"}
}

test_a_version_that_is_as_old_as_the_target_is_there if {
	remedy := api_version.remedy with input as with_target(object_of("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema"), "1.29")
	count(remedy.patch) == 1
}

test_an_object_that_was_converted_is_judged_by_what_was_asked_for if {
	asked := {"group": "extensions", "version": "v1beta1", "kind": "NetworkPolicy"}
	request := fixture.create(object_of("networking.k8s.io/v1", "NetworkPolicy"))
	judged := object.union(request, {"review": object.union(request.review, {"requestKind": asked})})
	api_version.is_removed with input as judged
	details := api_version.details with input as judged
	details == {"apiVersion": "extensions/v1beta1", "replacement": "networking.k8s.io/v1", "removed": "1.16"}
	remedy := api_version.remedy with input as judged
	remedy == {"text": "set apiVersion to networking.k8s.io/v1"}
}

test_what_was_asked_for_may_be_what_is_handed_on if {
	request := fixture.create(object_of("batch/v1beta1", "CronJob"))
	judged := object.union(request, {"review": object.union(request.review, {"requestKind": request.review.kind})})
	remedy := api_version.remedy with input as judged
	count(remedy.patch) == 1
}

test_every_row_has_a_remedy_and_a_life if {
	every version, kinds in api_versions.kinds {
		every kind, row in kinds {
			judged := fixture.create(object_of(version, kind))
			text := api_version.remedy.text with input as judged
			text != ""
			minor(row.deprecated) <= minor(api_versions.newest)
			minor(row.deprecated) < minor(row.removed)
		}
	}
}

minor(version) := to_number(split(version, ".")[1])
