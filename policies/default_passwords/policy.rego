# METADATA
# title: Default passwords
# description: |
#   The passwords that charts and tutorials are delivered with, `changeme` and `postgres`, are the first ones that everybody
#   tries. In a Secret they are hidden from people only.
# custom:
#   severity: high
#   controls: ["MITRE:T1078.001"]
#   ratchet: true
#   docs: https://attack.mitre.org/techniques/T1078/001/
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Secret]
#   parameters:
#     # Keys that sound like passwords and are none.
#     ignoredKeys: []
package lockkeeper.default_passwords

# No message and no detail may hold a value, or a part of one.

warn contains violation if {
	# The API server moves stringData to data, so no path is right for both forms.
	some field, values in {"data": _encoded_passwords, "stringData": _passwords}
	is_object(input.review.object[field])
	some key, value in input.review.object[field]
	is_string(value)
	value in values
	_is_password_key(lower(key))
	not key in _ignored_keys
	violation := {
		"msg": sprintf("the value of %s in this Secret is a password that everybody tries first", [key]),
		"path": "",
		"details": {"name": key},
		"remedy": {"text": "have a random password made, and change it where it was set up"},
	}
}

# A user may be called admin.
_is_password_key(key) if {
	some word in ["pass", "pwd", "secret", "token"]
	contains(key, word)
}

_is_password_key(key) if endswith(key, "key")

_passwords := {
	"123456", "12345678", "123456789", "1234567890", "admin", "admin123", "administrator", "changeit", "changeme",
	"changeme123", "change-me", "CHANGEME", "ChangeMe", "default", "demo", "elastic", "example", "foobar", "guest",
	"hunter2", "letmein", "minio123", "minioadmin", "mysecretpassword", "mysql", "p@ssw0rd", "P@ssw0rd", "P@ssword1",
	"pass", "passw0rd", "password", "Password", "password1", "Password1", "password123", "Password123", "postgres",
	"prom-operator", "qwerty", "rabbitmq", "redis", "replaceme", "root", "secret", "supersecret", "test", "test123",
	"testing", "toor", "user", "welcome", "welcome1",
}

# Base64 of the same, with and without the end of a line that `echo` writes.
_encoded_passwords := {base64.encode(concat("", [password, ending])) |
	some password in _passwords
	some ending in ["", "\n"]
}

default _ignored_keys := []

_ignored_keys := input.parameters.ignoredKeys
