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

import data.lockkeeper.lib.credential
import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.workload

# No message and no detail may hold a value, or a part of one.

deny contains violation if {
	some path, place in _places
	some kind in credential.kinds(place.text)
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
	count(credential.kinds(variable.value)) == 0
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
	count(credential.kinds(text)) == 0
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
	count(credential.kinds(value)) == 0
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

# --- Values that look like chance -----------------------------------------------------------------------------------

# A run of letters and digits that no person wrote, in a variable whose name says nothing.
warn contains violation if {
	_holds_a_long_word
	some path, entry in workload.containers
	is_array(entry.container.env)
	some i, variable in entry.container.env
	is_string(variable.value)
	_looks_random(variable.value)
	not _is_credential_name(workload.name(variable))
	not _is_fingerprint_name(workload.name(variable))
	count(credential.kinds(variable.value)) == 0
	violation := {
		"msg": sprintf("%s: the value of %s is a long random text, as tokens are", [
			workload.label(entry),
			workload.name(variable),
		]),
		"path": concat("", [path, "/env/", format_int(i, 10), "/value"]),
		"details": {"container": workload.name(entry.container), "name": workload.name(variable)},
		"remedy": {"text": _remedy},
	}
}

_holds_a_long_word if regex.match(`[A-Za-z0-9]{24}`, concat("\n", _variable_values))

# Letters of both cases and digits mixed, with few of them twice: hexadecimal digests and long names have not.
_looks_random(value) if {
	count(value) >= 24
	count(value) <= 128
	not regex.match(`[^A-Za-z0-9+/=_-]`, value)
	regex.match(`[A-Za-z0-9]{24}`, value)
	characters := split(value, "")
	count([1 | some character in characters; character in _digits]) >= 3
	count([1 | some character in characters; character in _upper_case]) >= 4
	count([1 | some character in characters; character in _lower_case]) >= 4
	count({character | some character in characters}) >= 16
}

_digits := {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

_upper_case := {letter | some letter in split("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "")}

_lower_case := {letter | some letter in split("abcdefghijklmnopqrstuvwxyz", "")}

_is_fingerprint_name(name) if regex.match(
	`(?i)hash|sha|digest|sum|cert|public|pub_|uuid|guid|site|client(?:_|)id|nonce|version`,
	name,
)

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
	credential.suspicious(variable.value)
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
	credential.suspicious(argument)
	path := concat("", [container_path, "/", list, "/", format_int(i, 10)])
}

_places[path] := {
	"text": text,
	"label": sprintf("%s in this ConfigMap", [key]),
	"details": {"name": key},
} if {
	some key, text in _config_map_data
	credential.suspicious(text)
	path := pointer.join(["data", key])
}

_places[path] := {
	"text": text,
	"label": sprintf("the annotation %s", [key]),
	"details": {"name": key},
} if {
	_suspicious_annotations
	some path, [key, text] in _annotations
	credential.suspicious(text)
}

_suspicious_annotations if credential.suspicious(concat("\n", [text | some [_, text] in _annotations; is_string(text)]))

# Of the object and of its pod templates; without what kubectl writes there, which is the object once more.
_annotations[path] := [key, text] if {
	is_object(input.review.object.metadata.annotations)
	some key, text in input.review.object.metadata.annotations
	key != "kubectl.kubernetes.io/last-applied-configuration"
	path := pointer.join(["metadata", "annotations", key])
}

_annotations[path] := [key, text] if {
	some template_path, template in workload.pod_templates
	template_path != ""
	is_object(template.metadata.annotations)
	some key, text in template.metadata.annotations
	path := concat("", [template_path, "/metadata/annotations/", pointer.segment(key)])
}

_suspicious_workload if credential.suspicious(concat("\n", array.concat(_variable_values, _arguments)))

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

# --- Names and literal values ----------------------------------------------------------------------------------------

# Most workloads name none: one search over all variables with a value and all arguments tells.
_names_a_credential if _has_a_hint(concat("\n", array.concat(_variable_names, _arguments)))

# What every name of a credential has in it. Looking for words costs less than compiling an expression for each object.
_has_a_hint(text) if {
	lowered := lower(text)
	some hint in _hints
	contains(lowered, hint)
}

# (?i) takes the long s for an s.
_hints := ["pass", "pwd", "secret", "token", "credential", "key", "\u017f"]

_variable_names := [variable.name |
	some entry in workload.containers
	some variable in entry.container.env
	is_string(variable.value)
	is_string(variable.name)
]

_is_credential_name(name) if {
	is_string(name)
	_has_a_hint(name)
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
	count(credential.kinds(value)) == 0
}

_flag_with_credential(arguments, i) := {"name": arguments[i], "index": i + 1} if {
	_is_credential_name(trim_left(arguments[i], "-"))
	value := arguments[i + 1]
	_is_literal(value)
	not startswith(value, "-")
	count(credential.kinds(value)) == 0
}

default _ignored_names := ["ETCD_AUTH_TOKEN", "ETCD_INITIAL_CLUSTER_TOKEN"]

_ignored_names := input.parameters.ignoredNames
