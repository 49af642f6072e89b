package lockkeeper.deprecated_api_versions_test

import data.lockkeeper.deprecated_api_versions as policy
import data.lockkeeper.lib.fixture

class(version) := {
	"apiVersion": version,
	"kind": "DeviceClass",
	"metadata": {"name": "gpu"},
	"spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.example.com'"}}]},
}

test_a_version_on_its_way_out_is_a_warning if {
	warnings := policy.warn with input as fixture.create(class("resource.k8s.io/v1beta1"))
	warnings == {{
		"msg": "resource.k8s.io/v1beta1 of DeviceClass is deprecated since Kubernetes 1.35, and gone with 1.38 at the latest",
		"path": "/apiVersion",
		"details": {
			"apiVersion": "resource.k8s.io/v1beta1",
			"replacement": "resource.k8s.io/v1",
			"removed": "1.38",
		},
		"remedy": {
			"text": "set apiVersion to resource.k8s.io/v1",
			"patch": [{"op": "replace", "path": "/apiVersion", "value": "resource.k8s.io/v1"}],
		},
	}}
}

test_its_successor_is_allowed if {
	warnings := policy.warn with input as fixture.create(class("resource.k8s.io/v1"))
	warnings == set()
}

test_before_its_deprecation_it_is_allowed_and_after_its_removal_another_policys if {
	request := fixture.create(class("resource.k8s.io/v1beta1"))
	every version, count_of in {"1.34": 0, "1.35": 1, "1.37": 1, "1.38": 0} {
		warnings := policy.warn with input as fixture.with_parameters(request, {"kubernetesVersion": version})
		count(warnings) == count_of
	}
}

test_a_version_that_is_gone_is_another_policys if {
	warnings := policy.warn with input as fixture.create({
		"apiVersion": "batch/v1beta1",
		"kind": "CronJob",
		"metadata": {"name": "report", "namespace": "shop"},
	})
	warnings == set()
}

test_another_group_with_a_kind_of_the_same_name_is_allowed if {
	warnings := policy.warn with input as fixture.create(class("resource.example.com/v1beta1"))
	warnings == set()
}

test_an_update_is_judged_by_the_new_object if {
	away := policy.warn with input as fixture.update(class("resource.k8s.io/v1"), class("resource.k8s.io/v1beta1"))
	away == set()
	back := policy.warn with input as fixture.update(class("resource.k8s.io/v1beta1"), class("resource.k8s.io/v1"))
	count(back) == 1
}

test_a_deletion_is_not_judged if {
	warnings := policy.warn with input as fixture.delete(class("resource.k8s.io/v1beta1"))
	warnings == set()
}
