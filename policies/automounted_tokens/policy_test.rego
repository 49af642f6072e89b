package lockkeeper.automounted_tokens_test

import data.lockkeeper.automounted_tokens as policy
import data.lockkeeper.lib.fixture

warned(spec) := violations if {
	violations := policy.warn with input as fixture.pod(object.union({"containers": [{"name": "web"}]}, spec))
}

test_a_token_nobody_asked_for_is_a_warning_with_a_patch if {
	warned({"containers": [{"name": "web"}]}) == {{
		"msg": "the containers get a token of the service account default, whether they call the Kubernetes API or not",
		"path": "/spec/automountServiceAccountToken",
		"details": {"serviceAccount": "default"},
		"remedy": {
			"text": "set automountServiceAccountToken to false, or name a service account with the rights the pod needs",
			"patch": [{"op": "add", "path": "/spec/automountServiceAccountToken", "value": false}],
		},
	}}
}

# As written, and as the API server fills it in.
test_these_run_as_default[name] if {
	some name, spec in {
		"absent": {},
		"empty": {"serviceAccountName": ""},
		"explicit": {"serviceAccountName": "default"},
		"both names": {"serviceAccountName": "default", "serviceAccount": "default"},
		"the old name": {"serviceAccount": "default"},
		"asked for": {"automountServiceAccountToken": true},
		"null": {"automountServiceAccountToken": null},
	}
	count(warned(spec)) == 1
}

test_this_is_allowed[name] if {
	some name, spec in {
		"opted out": {"automountServiceAccountToken": false},
		"an account of its own": {"serviceAccountName": "shop"},
		"an account of its own by the old name": {"serviceAccount": "shop"},
	}
	warned(spec) == set()
}

test_parameters_judge_every_service_account if {
	object := fixture.with_parameters(fixture.pod({"serviceAccountName": "shop", "containers": [{}]}), {"everyServiceAccount": true})
	violations := policy.warn with input as object
	{violation.details.serviceAccount | some violation in violations} == {"shop"}
}

related(accounts) := json.patch(fixture.pod({"containers": [{"name": "web"}]}), [
	{"op": "add", "path": "/related", "value": {"objects": accounts}},
	{"op": "add", "path": "/review/namespace", "value": "shop"},
])

test_a_service_account_that_opts_out_counts if {
	account := {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}, "automountServiceAccountToken": false}
	violations := policy.warn with input as related([account])
	violations == set()
}

test_other_service_accounts_do_not_count[name] if {
	some name, change in {
		"another namespace": {"metadata": {"namespace": "other"}},
		"another name": {"metadata": {"name": "shop"}},
		"another kind": {"kind": "Role"},
		"not opted out": {"automountServiceAccountToken": true},
	}
	account := object.union(
		{"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}, "automountServiceAccountToken": false},
		change,
	)
	violations := policy.warn with input as related([account])
	count(violations) == 1
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"containers": [{"name": "web"}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/automountServiceAccountToken"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [{"name": "web"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/automountServiceAccountToken"])}
}

# A part of a workload, as overlays have it, is no workload yet.
test_a_pod_without_containers_is_not_judged[name] if {
	some name, containers in {"none": [], "null": null}
	warned({"containers": containers}) == set()
}
