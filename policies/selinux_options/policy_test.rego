package lockkeeper.selinux_options_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.selinux_options as policy

with_options(options) := fixture.container({"securityContext": {"seLinuxOptions": options}})

test_a_type_of_ones_own_is_denied_with_a_patch if {
	violations := policy.deny with input as with_options({"type": "spc_t", "level": "s0"})
	violations == {{
		"msg": `container "web" sets the SELinux type spc_t, which can take its confinement away`,
		"path": "/spec/containers/0/securityContext/seLinuxOptions/type",
		"details": {"container": "web", "field": "type"},
		"remedy": {
			"text": "remove type: the container runtime chooses it",
			"patch": [{"op": "remove", "path": "/spec/containers/0/securityContext/seLinuxOptions/type"}],
		},
	}}
}

test_user_and_role_are_violations_of_their_own if {
	violations := policy.deny with input as with_options({"type": "container_t", "user": "system_u", "role": "system_r"})
	fixture.paths(violations) == {
		"/spec/containers/0/securityContext/seLinuxOptions/user",
		"/spec/containers/0/securityContext/seLinuxOptions/role",
	}
}

test_the_pod_and_every_list_of_containers_is_looked_at if {
	bad := {"name": "x", "securityContext": {"seLinuxOptions": {"type": "spc_t"}}}
	violations := policy.deny with input as fixture.pod({
		"securityContext": {"seLinuxOptions": {"user": "root"}},
		"initContainers": [bad],
		"ephemeralContainers": [bad],
	})
	fixture.paths(violations) == {
		"/spec/securityContext/seLinuxOptions/user",
		"/spec/initContainers/0/securityContext/seLinuxOptions/type",
		"/spec/ephemeralContainers/0/securityContext/seLinuxOptions/type",
	}
}

test_this_is_allowed[name] if {
	some name, options in {
		"container_t": {"type": "container_t"},
		"container_init_t": {"type": "container_init_t"},
		"container_kvm_t": {"type": "container_kvm_t"},
		"container_engine_t": {"type": "container_engine_t"},
		"a level": {"level": "s0:c123,c456"},
		"empty": {"type": "", "user": "", "role": ""},
		"null": {"type": null, "user": null, "role": null},
		"nothing": {},
		"no options": null,
		"a list": ["spc_t"],
	}
	violations := policy.deny with input as with_options(options)
	violations == set()
}

test_container_engine_t_is_allowed_since_1_31 if {
	engine := with_options({"type": "container_engine_t"})
	before := policy.deny with input as fixture.in_namespace(engine, {"enforce": "baseline", "enforce-version": "v1.30"})
	since := policy.deny with input as fixture.in_namespace(engine, {"enforce": "baseline", "enforce-version": "v1.31"})
	count(before) == 1
	since == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/securityContext/seLinuxOptions/type"}
}

test_the_level_of_the_namespace_decides if {
	bad := with_options({"type": "spc_t"})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
