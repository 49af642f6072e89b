package lockkeeper.memory_volumes_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.memory_volumes as policy

warned(empty_dir) := violations if {
	violations := policy.warn with input as fixture.pod({"volumes": [{"name": "data", "emptyDir": {}}, {"name": "cache", "emptyDir": empty_dir}]})
}

test_memory_without_a_limit_is_a_warning if {
	warned({"medium": "Memory"}) == {{
		"msg": `volume "cache" is in memory and has no sizeLimit`,
		"path": "/spec/volumes/1/emptyDir",
		"details": {"volume": "cache"},
		"remedy": {"text": "name a sizeLimit that is a part of the containers' memory limit"},
	}}
}

test_these_limits_are_none[name] if {
	some name, limit in {"zero": "0", "null": null, "a number of zero": 0, "no quantity": "much"}
	count(warned({"medium": "Memory", "sizeLimit": limit})) == 1
}

test_these_volumes_are_allowed[name] if {
	some name, empty_dir in {
		"a limit": {"medium": "Memory", "sizeLimit": "64Mi"},
		"a limit as a number": {"medium": "Memory", "sizeLimit": 67108864},
		"on disk": {},
		"on disk, explicitly": {"medium": ""},
		"huge pages": {"medium": "HugePages"},
		"null": null,
	}
	warned(empty_dir) == set()
}

test_wrong_types_are_left_out if {
	violations := policy.warn with input as fixture.pod({"volumes": [null, "x", {"emptyDir": "Memory"}]})
	violations == set()
	none := policy.warn with input as fixture.pod({"volumes": {"emptyDir": {"medium": "Memory"}}})
	none == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/volumes/0/emptyDir"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/volumes/0/emptyDir"])}
}
