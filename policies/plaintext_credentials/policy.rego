# METADATA
# title: Credentials in plain text
# description: |
#   A password or token in a manifest is read by everybody who may read the repository or list pods, stays in the Git
#   history, and turns up in logs and backups. Tokens of known services are denied, likely ones are a warning.
# custom:
#   severity: high
#   controls: ["MITRE:T1552.001"]
#   # What is in the cluster already has leaked: denying the next change of the workload would not take it back.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   match:
#     workloads: true
#     kinds:
#       - apiGroups: [""]
#         kinds: [ConfigMap]
#   parameters:
#     # These sound like credentials and are none: the name of a cluster, a token's type.
#     ignoredNames: [ETCD_AUTH_TOKEN, ETCD_INITIAL_CLUSTER_TOKEN]
package lockkeeper.plaintext_credentials

import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

# No message and no detail may hold a value, or a part of one.

deny contains violation if {
	some path, place in _places
	some kind in _known_kinds(place.text)
	violation := {
		"msg": sprintf("%s holds %s in plain text", [place.label, kind]),
		"path": path,
		"details": object.union(place.details, {"credential": kind}),
		"remedy": {"text": _remedy},
	}
}

# Guesses, by the name beside a value.
warn contains violation if {
	_names_a_credential
	some path, entry in workload.containers
	is_array(entry.container.env)
	some i, variable in entry.container.env
	_is_credential_name(variable.name)
	_is_literal(variable.value)
	count(_known_kinds(variable.value)) == 0
	violation := {
		"msg": sprintf("%s: the value of %s looks like a credential in plain text", [workload.label(entry), variable.name]),
		"path": concat("", [path, "/env/", format_int(i, 10), "/value"]),
		"details": {"container": workload.name(entry.container), "name": variable.name},
		"remedy": {"text": _remedy},
	}
}

warn contains violation if {
	_names_a_credential
	some path, entry in workload.containers
	some list in ["args", "command"]
	is_array(entry.container[list])
	some i, argument in entry.container[list]
	is_string(argument)
	startswith(argument, "-")
	flag := _flag_with_credential(entry.container[list], i)
	violation := {
		"msg": sprintf("%s: the value of %s looks like a credential in plain text", [workload.label(entry), flag.name]),
		"path": concat("", [path, "/", list, "/", format_int(flag.index, 10)]),
		"details": {"container": workload.name(entry.container), "name": flag.name},
		"remedy": {"text": _remedy},
	}
}

warn contains violation if {
	some key, text in _config_map_data
	_is_credential_name(key)
	_is_literal(text)
	count(_known_kinds(text)) == 0
	violation := {
		"msg": sprintf("the value of %s in this ConfigMap looks like a credential in plain text", [key]),
		"path": pointer.join(["data", key]),
		"details": {"name": key},
		"remedy": {"text": _remedy},
	}
}

# Settings in a file of a ConfigMap: `db.password=…`, `clientSecret: …`.
warn contains violation if {
	some key, text in _config_map_data
	_is_settings_file(key, text)
	some [_, name, value] in regex.find_all_string_submatch_n(_setting, text, -1)
	_is_credential_name(name)
	_is_literal(value)
	count(_known_kinds(value)) == 0
	violation := {
		"msg": sprintf("%s in this ConfigMap: the value of %s looks like a credential in plain text", [key, name]),
		"path": pointer.join(["data", key]),
		"details": {"name": key, "setting": name},
		"remedy": {"text": _remedy},
	}
}

_remedy := concat("", [
	"keep the value in a Secret (env: valueFrom.secretKeyRef, files: a secret volume) ",
	"and replace the credential: everybody who could read the manifest has it",
])

# --- Tokens of known shape -------------------------------------------------------------------------------------------

# The texts that may hold a token, by JSON pointer; one search over all texts of the workload comes first, as most have
# none.
_places[path] := {
	"text": variable.value,
	"label": sprintf("%s: the variable %s", [workload.label(entry), workload.name(variable)]),
	"details": {"container": workload.name(entry.container), "name": workload.name(variable)},
} if {
	_suspicious_workload
	some container_path, entry in workload.containers
	is_array(entry.container.env)
	some i, variable in entry.container.env
	_suspicious(variable.value)
	path := concat("", [container_path, "/env/", format_int(i, 10), "/value"])
}

_places[path] := {
	"text": argument,
	"label": sprintf("%s: an element of %s", [workload.label(entry), list]),
	"details": {"container": workload.name(entry.container), "name": list},
} if {
	_suspicious_workload
	some container_path, entry in workload.containers
	some list in ["args", "command"]
	is_array(entry.container[list])
	some i, argument in entry.container[list]
	_suspicious(argument)
	path := concat("", [container_path, "/", list, "/", format_int(i, 10)])
}

_places[path] := {
	"text": text,
	"label": sprintf("%s in this ConfigMap", [key]),
	"details": {"name": key},
} if {
	some key, text in _config_map_data
	_suspicious(text)
	path := pointer.join(["data", key])
}

_suspicious_workload if _suspicious(concat("\n", array.concat(_variable_values, _arguments)))

_variable_values := [variable.value |
	some entry in workload.containers
	some variable in entry.container.env
	is_string(variable.value)
]

_arguments := [argument |
	some entry in workload.containers
	some list in ["args", "command"]
	some argument in entry.container[list]
	is_string(argument)
]

_config_map_data[key] := text if {
	input.review.kind.kind == "ConfigMap"
	input.review.kind.group == ""
	is_object(input.review.object.data)
	some key, text in input.review.object.data
	is_string(text)
}

# Holds for every text that one of the shapes matches; one search costs less than one for each shape.
_suspicious(text) if {
	is_string(text)
	regex.match(`A[KS]IA|gh[opsur]_|github_pat_|glpat-|xox|hooks\.slack|AIza|k_live_|eyJ|PRIVATE KEY|@`, text)
}

# A text without a shape's hint cannot match its pattern, which then need not be compiled.
_known_kinds(text) := {shape.kind |
	some shape in _shapes
	contains(text, shape.hint)
	some [match] in regex.find_all_string_submatch_n(shape.pattern, text, -1)
	not _is_documented_example(match)
}

_shapes := [
	{"kind": "an AWS access key", "hint": "AKIA", "pattern": `\bAKIA[A-Z2-7]{16}\b`},
	{"kind": "an AWS access key", "hint": "ASIA", "pattern": `\bASIA[A-Z2-7]{16}\b`},
	{"kind": "a GitHub token", "hint": "gh", "pattern": `\bgh[opsur]_[A-Za-z0-9]{36}`},
	{"kind": "a GitHub token", "hint": "github_pat_", "pattern": `\bgithub_pat_[A-Za-z0-9_]{50}`},
	{"kind": "a GitLab token", "hint": "glpat-", "pattern": `\bglpat-[A-Za-z0-9_-]{20}`},
	{"kind": "a Slack token", "hint": "xox", "pattern": `\bxox[abeoprs]-[A-Za-z0-9-]{10}`},
	{"kind": "a Slack webhook", "hint": "hooks.slack", "pattern": `hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16}`},
	{"kind": "a Google API key", "hint": "AIza", "pattern": `\bAIza[A-Za-z0-9_-]{35}`},
	{"kind": "a Stripe key", "hint": "k_live_", "pattern": `\b[rs]k_live_[A-Za-z0-9]{16}`},
	{"kind": "a JSON Web Token", "hint": "eyJ", "pattern": `\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16}`},
	{"kind": "a private key", "hint": "PRIVATE KEY", "pattern": `-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*[A-Za-z0-9+/]`},
	{"kind": "a URL with a password", "hint": "@", "pattern": _url_with_password},
]

# Not in a comment, and not `$(VAR)`, `${VAR}`, `{{…}}`, `<…>`, `%s` or `***` in place of the password.
_url_with_password := `(?m)^[^#\n]*\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'<>]*:[^\s/?#@"'<>${}%*][^\s/?#@"'<>]*@[A-Za-z0-9\[$]`

# AWS' documentation writes AKIAIOSFODNN7EXAMPLE.
_is_documented_example(match) if endswith(match, "7EXAMPLE")

# --- Names and literal values ----------------------------------------------------------------------------------------

# Most workloads name none: one search over all variables with a value and all arguments tells.
_names_a_credential if regex.match(
	`(?i)pass|pwd|secret|token|credential|key`,
	concat("\n", array.concat(_variable_names, _arguments)),
)

_variable_names := [variable.name |
	some entry in workload.containers
	some variable in entry.container.env
	is_string(variable.value)
	is_string(variable.name)
]

_is_credential_name(name) if {
	is_string(name)
	regex.match(_credential_name, name)
	not name in _ignored_names
}

# The credential is what the name ends with: PASSWORD_FILE, SECRET_NAME and TOKEN_TTL say something about one.
_credential_name := concat("", [
	`(?i:password|passwd|passphrase|requirepass`,
	`|[_.-]pwd|(?:^|[_.-])(?:pass|secret|token|credentials?`,
	`|(?:api|access|account|auth|client|encryption|fernet|master|private|secret|session|shared|signing)[_.-]?key))`,
	`(?:[_-]?[0-9]+)?$`,
	`|[a-z0-9](?:Pass|Pwd|Secret|Token|Credentials?|ApiKey|AccessKey|AccountKey|EncryptionKey|MasterKey|PrivateKey|SecretKey|SigningKey)$`,
])

# `changeme` counts: deployed, it is the password.
_is_literal(value) if {
	is_string(value)
	value != ""
	not regex.match(_no_credential, value)
}

# References ($(VAR), {{…}}, <path:…>, __NAME__, vault:…), files, URLs (those with a password are of known shape), switches, masks,
# and texts of several lines.
_no_credential := concat("", [
	`\$[({A-Za-z_]|\{\{|^<.*>$|\n.*\S`,
	`|^(?:\.{0,2}/|~/)|\.(?:crt|jks|json|key|p12|pem|pfx|txt|ya?ml)$`,
	`|^[A-Za-z][A-Za-z0-9+.-]*://|^(?:arn|awssm|gcpsm|keyvault|op|ref\+[a-z0-9]+|secretsmanager|sm|vault):`,
	`|^(?i:true|false|yes|no|on|off|none|null|nil|enabled|disabled|optional|required|[01])$|^[*.•]+$|^__\w+__$`,
	`|^[a-z0-9.-]*-(?:secret|secrets|credentials|creds|token|tls|certs?|certificate)$`,
])

# Programs and queries are full of names that look like settings.
_is_settings_file(key, text) if {
	contains(text, "\n")
	not regex.match(`\.(?:bash|css|go|groovy|html?|java|js|lua|md|php|pl|py|rb|sh|sql|ts)$`, key)
}

_setting := concat("", [
	`(?m)^[ \t]*["']?([A-Za-z0-9_.-]*(?i:pass|pwd|passwd|password|passphrase|secret|token|credentials?|key)(?:[_-]?[0-9]+)?)["']?`,
	`[ \t]*[:=][ \t]*["']?([^\s"'#,;{[|>&*][^\s"'#,;]*)`,
])

# `--password=…`, or `--password` with its value in the next element.
_flag_with_credential(arguments, i) := {"name": name, "index": i} if {
	equals := indexof(arguments[i], "=")
	equals > 0
	name := substring(arguments[i], 0, equals)
	_is_credential_name(trim_left(name, "-"))
	value := substring(arguments[i], equals + 1, -1)
	_is_literal(value)
	count(_known_kinds(value)) == 0
}

_flag_with_credential(arguments, i) := {"name": arguments[i], "index": i + 1} if {
	_is_credential_name(trim_left(arguments[i], "-"))
	value := arguments[i + 1]
	_is_literal(value)
	not startswith(value, "-")
	count(_known_kinds(value)) == 0
}

default _ignored_names := ["ETCD_AUTH_TOKEN", "ETCD_INITIAL_CLUSTER_TOKEN"]

_ignored_names := input.parameters.ignoredNames
