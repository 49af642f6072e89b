package lockkeeper.lib_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

test_a_pointer_is_joined_and_escaped if {
	pointer.join(["data", "a/b~c", 3]) == "/data/a~1b~0c/3"
	pointer.join([]) == ""
}

test_the_keys_of_a_pointer_are_unescaped if {
	pointer.keys("/data/a~1b~0c/3") == ["data", "a/b~c", "3"]
	pointer.keys("/spec/template") == ["spec", "template"]
	pointer.keys("") == []
}

test_an_escaped_tilde_before_a_one_is_not_taken_for_a_slash if {
	pointer.keys("/~01") == ["~1"]
	pointer.join(["~1"]) == "/~01"
}

test_a_pod_is_its_own_template if {
	found := workload.pod_templates with input as fixture.pod({"containers": []})
	object.keys(found) == {""}
	specs := workload.pod_specs with input as fixture.pod({"containers": []})
	specs == {"/spec": {"containers": []}}
}

test_the_template_of_a_cron_job_is_found if {
	found := workload.pod_specs with input as fixture.cron_job({"containers": []})
	found == {"/spec/jobTemplate/spec/template/spec": {"containers": []}}
}

test_all_three_lists_of_containers_are_found if {
	found := workload.containers with input as fixture.pod({
		"containers": [{"name": "web"}],
		"initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
		"ephemeralContainers": [{"name": "debugger"}],
	})
	labels := {path: label | some path, entry in found; label := workload.label(entry)}
	labels == {
		"/spec/containers/0": `container "web"`,
		"/spec/initContainers/0": `init container "migrate"`,
		"/spec/initContainers/1": `init container "proxy"`,
		"/spec/ephemeralContainers/0": `ephemeral container "debugger"`,
	}
}

test_containers_of_wrong_type_are_left_out if {
	found := workload.containers with input as fixture.pod({
		"containers": [null, "web", ["web"], {"image": "shop/web"}],
		"initContainers": "migrate",
		"ephemeralContainers": {"debugger": {"name": "debugger"}},
	})
	object.keys(found) == {"/spec/containers/3"}
	workload.label(found["/spec/containers/3"]) == `container ""`
}

test_a_pod_spec_of_wrong_type_is_left_out[kind] if {
	some kind, spec in {"null": null, "string": "x", "list": [{"containers": []}], "number": 3}
	found := workload.pod_specs with input as fixture.pod(spec)
	found == {}
}

test_a_kind_that_is_not_in_the_table_has_no_templates if {
	found := workload.pod_templates with input as fixture.fleet({"containers": []})
	found == {}
}

test_the_same_kind_of_another_group_has_no_templates if {
	found := workload.pod_templates with input as fixture.create({
		"apiVersion": "apps.example.com/v1",
		"kind": "Deployment",
		"metadata": {"name": "web"},
		"spec": {"template": {"spec": {"containers": []}}},
	})
	found == {}
}

test_two_stars_match_keys_and_indices if {
	found := workload.pod_specs with input as fixture.fleet({"containers": []})
		with data.lockkeeper.workloads as fixture.fleet_table
	found == {fixture.fleet_pointer: {"containers": []}}
}

test_one_star_at_the_end_matches_every_item if {
	found := workload.pod_templates with input as fixture.create({
		"apiVersion": "fleet.example.com/v1",
		"kind": "Fleet",
		"metadata": {"name": "ships"},
		"templates": [{"spec": {}}, null, {"spec": {}}],
	})
		with data.lockkeeper.workloads as [{"group": "fleet.example.com", "kind": "Fleet", "path": "/templates/*"}]
	object.keys(found) == {"/templates/0", "/templates/2"}
}

test_three_stars_match_and_a_key_named_star_is_a_key if {
	found := workload.pod_templates with input as fixture.create({
		"apiVersion": "fleet.example.com/v1",
		"kind": "Fleet",
		"metadata": {"name": "ships"},
		"a": {"*": {"b": [{"c": {"*": {"t": {"spec": {}}}}}]}},
	})
		with data.lockkeeper.workloads as [{"group": "fleet.example.com", "kind": "Fleet", "path": "/a/*/b/*/c/*/t"}]
	object.keys(found) == {"/a/*/b/0/c/*/t"}
}

test_a_deleted_object_has_no_templates if {
	found := workload.pod_templates with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Pod",
		"metadata": {"name": "web"},
		"spec": {"containers": []},
	})
	found == {}
}
