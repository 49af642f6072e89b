package lockkeeper.sysctls_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.sysctls as policy

setting(sysctls) := fixture.pod({"securityContext": {"sysctls": sysctls}})

test_an_unsafe_sysctl_is_denied_with_a_patch if {
	violations := policy.deny with input as setting([
		{"name": "net.ipv4.tcp_syncookies", "value": "1"},
		{"name": "kernel.msgmax", "value": "65536"},
	])
	violations == {{
		"msg": `sysctl "kernel.msgmax" is not in the safe set: it can change the node for other pods`,
		"path": "/spec/securityContext/sysctls/1/name",
		"details": {"sysctl": "kernel.msgmax"},
		"remedy": {
			"text": `remove the sysctl "kernel.msgmax", or set it on the nodes`,
			"patch": [{"op": "remove", "path": "/spec/securityContext/sysctls/1"}],
		},
	}}
}

test_the_safe_set_is_allowed if {
	violations := policy.deny with input as setting([{"name": name, "value": "1"} |
		some name in [
			"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
			"net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
			"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
			"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
			"net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat",
		]
	])
	violations == set()
}

test_this_is_denied[name] if {
	some name in ["net.core.somaxconn", "net.ipv4.tcp_mem", "vm.max_map_count", "kernel/shm_rmid_forced", "Net.Ipv4.Tcp_Syncookies", ""]
	violations := policy.deny with input as setting([{"name": name, "value": "1"}])
	fixture.paths(violations) == {"/spec/securityContext/sysctls/0/name"}
}

test_a_sysctl_without_a_name_is_denied if {
	violations := policy.deny with input as setting([{"value": "1"}])
	count(violations) == 1
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"no sysctls": {"sysctls": []},
		"null": {"sysctls": null},
		"an object": {"sysctls": {"kernel.msgmax": "1"}},
		"strings and null in the list": {"sysctls": ["kernel.msgmax", null]},
		"no securityContext": null,
	}
	violations := policy.deny with input as fixture.pod({"securityContext": security_context})
	violations == set()
}

test_parameters_allow_more if {
	violations := policy.deny with input as fixture.with_parameters(
		setting([{"name": "net.core.somaxconn", "value": "1024"}, {"name": "kernel.sem", "value": "1"}]),
		{"allowed": ["net.core.somaxconn"]},
	)
	fixture.paths(violations) == {"/spec/securityContext/sysctls/1/name"}
}

test_sysctls_of_a_container_mean_nothing if {
	violations := policy.deny with input as fixture.container({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}})
	violations == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"securityContext": {"sysctls": [{"name": "kernel.sem"}]}})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/securityContext/sysctls/0/name"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"securityContext": {"sysctls": [{"name": "kernel.sem"}]}})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/securityContext/sysctls/0/name"])}
}

test_the_level_of_the_namespace_decides if {
	bad := setting([{"name": "kernel.msgmax", "value": "1"}])
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}

test_a_sysctl_is_safe_since_a_version[name] if {
	some name, [safe, unsafe] in {
		"kernel.shm_rmid_forced": ["v1.0", null],
		"net.ipv4.ip_local_reserved_ports": ["v1.27", "v1.26"],
		"net.ipv4.tcp_keepalive_time": ["v1.29", "v1.28"],
		"net.ipv4.tcp_rmem": ["v1.32", "v1.31"],
		"net.ipv4.tcp_notsent_lowat": ["v1.37", "v1.36"],
	}
	denied_at(name, safe) == set()
	count(denied_at(name, unsafe)) == count([unsafe | unsafe != null])
}

denied_at(name, version) := violations if {
	is_string(version)
	modes := {"enforce": "baseline", "enforce-version": version}
	violations := policy.deny with input as fixture.in_namespace(setting([{"name": name, "value": "1"}]), modes)
}

denied_at(_, null) := set()
