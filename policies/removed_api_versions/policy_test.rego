package lockkeeper.removed_api_versions_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.removed_api_versions as policy

binding(version) := {
	"apiVersion": version,
	"kind": "RoleBinding",
	"metadata": {"name": "web", "namespace": "shop"},
	"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "web"},
}

test_a_version_that_is_gone_is_a_warning if {
	warnings := policy.warn with input as fixture.create(binding("rbac.authorization.k8s.io/v1beta1"))
	warnings == {{
		"msg": "rbac.authorization.k8s.io/v1beta1 of RoleBinding is gone since Kubernetes 1.22: an API server of 1.37 refuses this object",
		"path": "/apiVersion",
		"details": {
			"apiVersion": "rbac.authorization.k8s.io/v1beta1",
			"replacement": "rbac.authorization.k8s.io/v1",
			"removed": "1.22",
		},
		"remedy": {
			"text": "set apiVersion to rbac.authorization.k8s.io/v1",
			"patch": [{"op": "replace", "path": "/apiVersion", "value": "rbac.authorization.k8s.io/v1"}],
		},
	}}
}

test_its_successor_is_allowed if {
	warnings := policy.warn with input as fixture.create(binding("rbac.authorization.k8s.io/v1"))
	warnings == set()
}

test_an_older_cluster_still_has_it if {
	request := fixture.create(binding("rbac.authorization.k8s.io/v1beta1"))
	every version, count_of in {"1.21": 0, "1.22": 1, "v1.21.14": 0} {
		warnings := policy.warn with input as fixture.with_parameters(request, {"kubernetesVersion": version})
		count(warnings) == count_of
	}
}

test_a_deprecated_version_is_another_policys if {
	warnings := policy.warn with input as fixture.create({
		"apiVersion": "resource.k8s.io/v1beta1",
		"kind": "DeviceClass",
		"metadata": {"name": "gpu"},
	})
	warnings == set()
}

test_a_kind_without_a_successor_is_told_what_takes_its_place if {
	warnings := policy.warn with input as fixture.create({
		"apiVersion": "policy/v1beta1",
		"kind": "PodSecurityPolicy",
		"metadata": {"name": "restricted"},
	})
	[warning] := [each | some each in warnings]
	warning.details == {"apiVersion": "policy/v1beta1", "replacement": null, "removed": "1.25"}
	not warning.remedy.patch
}

test_an_update_is_judged_by_the_new_object if {
	old := binding("rbac.authorization.k8s.io/v1beta1")
	new := binding("rbac.authorization.k8s.io/v1")
	away := policy.warn with input as fixture.update(new, old)
	away == set()
	back := policy.warn with input as fixture.update(old, new)
	count(back) == 1
}

test_a_deletion_is_not_judged if {
	warnings := policy.warn with input as fixture.delete(binding("rbac.authorization.k8s.io/v1beta1"))
	warnings == set()
}
