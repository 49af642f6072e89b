package lockkeeper.default_passwords_test

import data.lockkeeper.default_passwords as policy
import data.lockkeeper.lib.fixture

secret(members) := fixture.create(object.union(
	{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}},
	members,
))

warned(members) := violations if {
	violations := policy.warn with input as secret(members)
}

names(violations) := {violation.details.name | some violation in violations}

# As it is written, and as the API server keeps it.
test_both_forms_have_one_answer if {
	written := warned({"stringData": {"password": "changeme"}})
	written == warned({"data": {"password": base64.encode("changeme")}})
	count(written) == 1
}

test_a_default_password_is_a_warning if {
	warned({"data": {"password": base64.encode("changeme"), "username": base64.encode("admin")}}) == {{
		"msg": "the value of password in this Secret is a password that everybody tries first",
		"path": "",
		"details": {"name": "password"},
		"remedy": {"text": "have a random password made, and change it where it was set up"},
	}}
}

test_stringData_is_looked_at if {
	names(warned({"stringData": {"postgres-password": "postgres", "ci.token": "secret"}})) == {"postgres-password", "ci.token"}
}

test_the_end_of_a_line_hides_nothing if {
	names(warned({"data": {"DB_PASS": base64.encode("hunter2\n")}})) == {"DB_PASS"}
}

test_no_value_is_printed if {
	findings := warned({"data": {"a": base64.encode("toor"), "root-passwd": base64.encode("toor")}, "stringData": {"pwd": "minioadmin"}})
	count(findings) == 2
	text := json.marshal(findings)
	every value in ["toor", base64.encode("toor"), "minioadmin"] {
		not contains(text, value)
	}
}

test_this_is_allowed[name] if {
	some name, members in {
		"a random password": {"data": {"password": base64.encode("qZ7rT2mWx9KpL4v")}},
		"a user": {"data": {"username": base64.encode("admin"), "user": base64.encode("root")}},
		"an empty one": {"data": {"password": ""}},
		"not the whole value": {"stringData": {"password": "changeme-please-2x"}},
		"null": {"data": null, "stringData": null},
		"wrong types": {"data": {"password": 123456}, "stringData": ["admin"]},
		"nothing": {},
	}
	warned(members) == set()
}

test_parameters_ignore_keys if {
	object := fixture.with_parameters(secret({"stringData": {"token-type": "default"}}), {"ignoredKeys": ["token-type"]})
	violations := policy.warn with input as object
	violations == set()
}
