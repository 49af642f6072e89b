package lockkeeper.selector_moved_test

import data.lockkeeper.lib.changeset_fixture as fixture
import data.lockkeeper.selector_moved as policy

web := fixture.deployment("web", {"app": "web"})

worker := fixture.deployment("worker", {"app": "worker"})

relabelled := fixture.deployment("web", {"app.kubernetes.io/name": "web"})

to_web := fixture.service("web", {"app": "web"})

to_worker := fixture.service("web", {"app": "worker"})

messages(changes) := {violation.msg | some violation in found} if found := policy.warn with input as fixture.set_of(changes)

test_a_service_that_loses_its_pods_is_a_warning if {
	violations := policy.warn with input as fixture.set_of([fixture.update(web, relabelled), fixture.keep(to_web)])
	violations == {{
		"msg": "Service shop/web selected Deployment shop/web, and selects no workload of the change with this change: its traffic goes elsewhere, or nowhere",
		"path": "",
		"details": {"objects": [1, 0], "selected": []},
		"remedy": {"text": "change the labels of the pods and the selectors of what is meant for them together"},
	}}
}

test_a_service_that_selects_another_workload_is_a_warning if {
	messages([fixture.keep(web), fixture.keep(worker), fixture.update(to_web, to_worker)]) == {"Service shop/web selected Deployment shop/web, and selects Deployment shop/worker with this change: its traffic goes elsewhere, or nowhere"}
}

test_other_kinds_are_a_warning[kind] if {
	some kind, [old, new] in {
		"NetworkPolicy": [
			fixture.network_policy("web", {"podSelector": {"matchLabels": {"app": "web"}}}),
			fixture.network_policy("web", {"podSelector": {"matchLabels": {"app": "gone"}}}),
		],
		"PodDisruptionBudget": [
			fixture.named("policy/v1", "PodDisruptionBudget", "web", {"selector": {"matchLabels": {"app": "web"}}}),
			fixture.named("policy/v1", "PodDisruptionBudget", "web", {"selector": {"matchLabels": {"app": "gone"}}}),
		],
	}
	count(messages([fixture.keep(web), fixture.update(old, new)])) == 1
}

test_allowed[name] if {
	some name, changes in {
		"labels and selectors that change together": [fixture.update(web, relabelled), fixture.update(to_web, fixture.service("web", {"app.kubernetes.io/name": "web"}))],
		"a workload more": [fixture.keep(web), fixture.create(fixture.deployment("canary", {"app": "web"})), fixture.keep(to_web)],
		"a workload less": [fixture.keep(web), fixture.delete(fixture.deployment("canary", {"app": "web"})), fixture.keep(to_web)],
		"a selector that is narrower": [
			fixture.update(web, fixture.deployment("web", {"app": "web", "tier": "front"})),
			fixture.keep(fixture.deployment("worker", {"app": "web"})),
			fixture.update(to_web, fixture.service("web", {"app": "web", "tier": "front"})),
		],
		"a workload with another name": [fixture.delete(web), fixture.create(fixture.deployment("shop-web", {"app": "web"})), fixture.keep(to_web)],
		"a Service for pods that are not in the change": [fixture.keep(worker), fixture.update(to_web, fixture.service("web", {"app": "other"}))],
		"a Service that is new": [fixture.keep(web), fixture.create(to_worker)],
		"a Service that goes": [fixture.keep(web), fixture.delete(to_web)],
	}
	messages(changes) == set()
}
