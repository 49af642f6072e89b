# METADATA
# title: Commands that containers are told to run
# description: |
#   With command, args, hooks and probes a manifest can run anything, and the image it names may well be a trusted one: a
#   shell for somebody outside, a script from the network, the account's token sent away.
# custom:
#   severity: high
#   controls: ["MITRE:T1609", "MITRE:T1610", "NIST:SP800-53:CM-7"]
#   docs: https://attack.mitre.org/techniques/T1059/004/
#   match:
#     workloads: true
#   parameters:
#     # Patterns that are expected here, such as `download-run`.
#     allowedPatterns: []
package lockkeeper.container_commands

import data.lockkeeper.lib.command
import data.lockkeeper.lib.workload

# No message and no detail holds a command: it may hold a credential.

deny contains violation if {
	some path, found in _found
	some pattern in found.patterns
	row := _certain[pattern]
	violation := _violation(path, found, pattern, row)
}

warn contains violation if {
	some path, found in _found
	some pattern in found.patterns
	row := _likely[pattern]
	not pattern in _covered(found.patterns)
	violation := _violation(path, found, pattern, row)
}

_violation(path, found, pattern, row) := {
	"msg": sprintf("%s: its %s %s", [workload.label(found.entry), found.place, row.does]),
	"path": path,
	"details": {"container": workload.name(found.entry.container), "pattern": pattern},
	"remedy": {"text": row.remedy},
}

# What no workload that is meant to be there does.
_certain := {
	"reverse-shell": {
		"does": "opens a shell for somebody outside, who then works in the container",
		"remedy": "do not run it; find out who made this change and what else that account changed",
	},
	"credential-sent": {
		"does": "sends a credential out of the cluster, where it can be used until it expires",
		"remedy": "leave credentials where they are, and revoke this one if it was ever sent",
	},
	"decoded-script": {
		"does": "decodes a text and runs it, so that nobody sees what is run",
		"remedy": "write the script as it is into the manifest or the image",
	},
	"miner-download": {
		"does": "downloads a cryptocurrency miner",
		"remedy": "do not run it; find out who made this change and what else that account changed",
	},
}

_likely := {
	"download-run": {
		"does": "downloads a program or script and runs it: what it does today is up to its server",
		"remedy": "build what is needed into the image, or check a digest before it is run",
	},
	"credential-used": {
		"does": "names a credential and an address outside the cluster",
		"remedy": "use a token made for that address: a projected volume with an audience of its own",
	},
	"metadata-credential": {
		"does": "asks the cloud's metadata service for a credential",
		"remedy": "bind the service account to a cloud identity and let the client library ask",
	},
	"preload": {
		"does": "has a library from a writable place loaded into every program",
		"remedy": "build the library into the image and name it there",
	},
	"long-script": {
		"does": "is a long script that uses the network or the node: it was not looked into",
		"remedy": "put the script into the image, where it can be read, tested and scanned",
	},
	"node-entry": {
		"does": "works on the node or in other containers instead of its own",
		"remedy": "let an agent made for that task do it, with only the rights that it needs",
	},
}

_covered(patterns) := {"credential-used", "metadata-credential"} if "credential-sent" in patterns

else := {"download-run"} if count(patterns & {"decoded-script", "miner-download"}) > 0

else := set()

# What was found, by the path of the field.
_found[path] := {"entry": entry, "place": place, "patterns": patterns} if {
	command.suspicious(_all)
	some path, row in _commands
	patterns := _patterns(command.text(row.words)) - _allowed_patterns
	count(patterns) > 0
	entry := row.entry
	place := row.place
}

_all := concat(" ", [word | some row in _commands; some word in row.words; is_string(word)])

# Looking closely takes time that grows faster than the text, and whoever waits for an answer has little of it.
_patterns(text) := command.patterns(text) if count(_all) <= 8192

_patterns(text) := {"long-script"} if {
	count(_all) > 8192
	command.suspicious(text)
}

# command and args are one command line; what is found in it is reported where most of it stands.
_commands[path] := {"entry": entry, "place": "command", "words": words} if {
	some pointer, entry in workload.containers
	words := array.concat(_list(entry.container, "command"), _list(entry.container, "args"))
	count(words) > 0
	path := concat("/", [pointer, _field(entry.container)])
}

_commands[path] := {"entry": entry, "place": place, "words": words} if {
	some pointer, entry in workload.containers
	some hook, place in {"postStart": "postStart hook", "preStop": "preStop hook"}
	words := entry.container.lifecycle[hook].exec.command
	is_array(words)
	path := concat("", [pointer, "/lifecycle/", hook, "/exec/command"])
}

_commands[path] := {"entry": entry, "place": place, "words": words} if {
	some pointer, entry in workload.containers
	some probe, place in {
		"livenessProbe": "liveness probe",
		"readinessProbe": "readiness probe",
		"startupProbe": "startup probe",
	}
	words := entry.container[probe].exec.command
	is_array(words)
	path := concat("", [pointer, "/", probe, "/exec/command"])
}

default _list(_, _) := []

_list(container, field) := container[field] if is_array(container[field])

_field(container) := "args" if count(_list(container, "args")) > 0

else := "command"

_allowed_patterns := {pattern | some pattern in input.parameters.allowedPatterns}
