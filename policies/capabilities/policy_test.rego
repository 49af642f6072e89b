package lockkeeper.capabilities_test

import data.lockkeeper.capabilities as policy
import data.lockkeeper.lib.fixture

adding(capabilities) := fixture.container({"securityContext": {"capabilities": {"add": capabilities}}})

test_a_capability_beyond_the_default_set_is_denied_with_a_patch if {
	violations := policy.deny with input as adding(["CHOWN", "SYS_ADMIN"])
	violations == {{
		"msg": `container "web" adds the capability SYS_ADMIN, which is beyond the default set`,
		"path": "/spec/containers/0/securityContext/capabilities/add/1",
		"details": {"container": "web", "capability": "SYS_ADMIN"},
		"remedy": {
			"text": "remove SYS_ADMIN from capabilities.add",
			"patch": [{"op": "remove", "path": "/spec/containers/0/securityContext/capabilities/add/1"}],
		},
	}}
}

test_each_capability_is_a_violation_with_its_own_patch if {
	violations := policy.deny with input as adding(["NET_ADMIN", "KILL", "NET_RAW"])
	patches := {violation.remedy.patch[0].path | some violation in violations}
	patches == {
		"/spec/containers/0/securityContext/capabilities/add/0",
		"/spec/containers/0/securityContext/capabilities/add/2",
	}
	patches == fixture.paths(violations)
}

test_the_default_set_is_allowed if {
	violations := policy.deny with input as adding([
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
		"NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
	])
	violations == set()
}

test_this_is_denied[capability] if {
	some capability in ["ALL", "NET_RAW", "SYS_PTRACE", "CAP_CHOWN", "chown", ""]
	violations := policy.deny with input as adding([capability])
	count(violations) == 1
}

test_a_null_in_the_list_is_denied if {
	violations := policy.deny with input as adding([null])
	count(violations) == 1
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"nothing is added": {"capabilities": {"add": []}},
		"capabilities are dropped": {"capabilities": {"drop": ["ALL"]}},
		"add is null": {"capabilities": {"add": null}},
		"capabilities is null": {"capabilities": null},
		"add is a string": {"capabilities": {"add": "SYS_ADMIN"}},
		"the securityContext is a list": [{"capabilities": {"add": ["SYS_ADMIN"]}}],
	}
	violations := policy.deny with input as fixture.container({"securityContext": security_context})
	violations == set()
}

test_parameters_allow_more if {
	violations := policy.deny with input as fixture.with_parameters(adding(["NET_ADMIN", "NET_RAW"]), {"allowed": ["NET_ADMIN"]})
	fixture.paths(violations) == {"/spec/containers/0/securityContext/capabilities/add/1"}
}

test_ephemeral_and_init_containers_are_looked_at if {
	bad := {"name": "x", "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}}
	violations := policy.deny with input as fixture.pod({"initContainers": [bad], "ephemeralContainers": [bad]})
	fixture.paths(violations) == {
		"/spec/initContainers/0/securityContext/capabilities/add/0",
		"/spec/ephemeralContainers/0/securityContext/capabilities/add/0",
	}
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"containers": [{"securityContext": {"capabilities": {"add": ["ALL"]}}}]})
	count(violations) == 1
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"securityContext": {"capabilities": {"add": ["ALL"]}}}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/securityContext/capabilities/add/0"])}
}

test_the_level_of_the_namespace_decides if {
	bad := adding(["SYS_ADMIN"])
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
