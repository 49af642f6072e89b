package lockkeeper.scale_to_zero_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.scale_to_zero as policy

deployment(spec) := {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}

scale(spec) := {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}

warned(after, before) := violations if {
	violations := policy.warn with input as fixture.update(after, before)
}

test_a_change_to_no_replicas_is_a_warning if {
	warned(deployment({"replicas": 0}), deployment({"replicas": 3})) == {{
		"msg": "this change takes all replicas away: 3 before, 0 after it",
		"path": "/spec/replicas",
		"details": {"before": 3},
		"remedy": {"text": "keep one replica, or delete the workload where it is not needed any more"},
	}}
}

test_these_changes_take_all_replicas[name] if {
	some name, [after, before] in {
		"from the default": [deployment({"replicas": 0}), deployment({})],
		"by the scale subresource": [scale({"replicas": 0}), scale({"replicas": 2})],
		"by the scale subresource, left out": [scale({}), scale({"replicas": 2})],
	}
	count(warned(after, before)) == 1
}

test_these_changes_do_not[name] if {
	some name, [after, before] in {
		"to one": [deployment({"replicas": 1}), deployment({"replicas": 3})],
		"to the default": [deployment({}), deployment({"replicas": 3})],
		"none before": [deployment({"replicas": 0}), deployment({"replicas": 0})],
		"up again": [deployment({"replicas": 3}), deployment({"replicas": 0})],
		"a scale that had none": [scale({}), scale({})],
		"wrong types": [deployment({"replicas": "0"}), deployment({"replicas": 3})],
	}
	warned(after, before) == set()
}

test_creation_is_no_change if {
	violations := policy.warn with input as fixture.create(deployment({"replicas": 0}))
	violations == set()
}

test_controllers_scale_by_trade[user] if {
	some user in ["system:serviceaccount:kube-system:deployment-controller", "system:serviceaccount:keda:keda-operator"]
	request := json.patch(
		fixture.update(scale({"replicas": 0}), scale({"replicas": 2})),
		[{"op": "replace", "path": "/review/userInfo/username", "value": user}],
	)
	violations := policy.warn with input as request
	violations == set()
}

test_parameters_name_other_accounts if {
	request := fixture.with_parameters(fixture.update(scale({}), scale({"replicas": 2})), {"ignoredUsers": [
		"system:serviceaccount:argocd:argocd-application-controller",
	]})
	violations := policy.warn with input as request
	violations == set()
}
