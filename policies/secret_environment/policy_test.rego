package lockkeeper.secret_environment_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.secret_environment as policy

whole := {"envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "orders-db"}}]}

single := {"env": [{"name": "A", "value": "1"}, {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "orders-db", "key": "password"}}}]}

warned(members, parameters) := violations if {
	violations := policy.warn with input as fixture.with_parameters(fixture.container(members), parameters)
}

test_a_whole_Secret_as_variables_is_a_warning if {
	warned(whole, {}) == {{
		"msg": `container "web": every key of the Secret orders-db becomes a variable`,
		"path": "/spec/containers/0/envFrom/1",
		"details": {"container": "web", "secret": "orders-db"},
		"remedy": {"text": "mount the Secret as a volume and read the files, or name the single keys that are needed"},
	}}
}

test_single_keys_are_allowed_by_default if {
	warned(single, {}) == set()
}

test_parameters_ask_for_files_only if {
	warned(single, {"forms": ["env"]}) == {{
		"msg": `container "web": the variable DB_PASSWORD holds a key of the Secret orders-db`,
		"path": "/spec/containers/0/env/1",
		"details": {"container": "web", "secret": "orders-db", "name": "DB_PASSWORD"},
		"remedy": {"text": "mount the Secret as a volume and read the file"},
	}}
	warned(whole, {"forms": ["env"]}) == set()
}

test_this_is_allowed[name] if {
	some name, members in {
		"ConfigMaps": {"envFrom": [{"configMapRef": {"name": "x"}}]},
		"null": {"envFrom": null, "env": null},
		"a reference without a name": {"envFrom": [{"secretRef": {}}, {"secretRef": null}]},
		"wrong types": {"envFrom": [null, "x"], "env": ["x"]},
	}
	warned(members, {"forms": ["env", "envFrom"]}) == set()
}

test_ephemeral_and_init_containers_are_looked_at if {
	violations := policy.warn with input as fixture.pod({"initContainers": [whole], "ephemeralContainers": [whole]})
	fixture.paths(violations) == {"/spec/initContainers/0/envFrom/1", "/spec/ephemeralContainers/0/envFrom/1"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [whole]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/envFrom/1"])}
}
