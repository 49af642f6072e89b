package lockkeeper.plaintext_credentials_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.plaintext_credentials as policy

# Tokens are put together here, so that scanners of repositories find none in this file.
github_token := concat("", ["ghp", "_0123456789abcdefghijABCDEFGHIJ012345"])

pem := concat("", ["-----BEGIN RSA PRIVATE", " KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE", " KEY-----\n"])

known := {
	"an AWS access key": concat("", ["AKIA", "Z7QHRW2PLMNB4XYD"]),
	"a GitHub token": github_token,
	"a GitLab token": concat("", ["glpat", "-abcdefghij0123456789"]),
	"a Slack token": concat("", ["xoxb", "-123456789012-abcdef"]),
	"a Slack webhook": concat("", ["https://hooks.slack", ".com/services/T012345/B012345/abcdefghijABCDEF01234567"]),
	"a Google API key": concat("", ["AIza", "0123456789abcdefghij0123456789ABCDE"]),
	"a Stripe key": concat("", ["sk_live", "_0123456789abcdefABCDEF"]),
	"a JSON Web Token": concat("", ["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0", ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"]),
	"a private key": pem,
	"a URL with a password": "postgres://shop:hunter2@db.shop.svc:5432/shop",
}

variable(name, value) := fixture.container({"env": [{"name": name, "value": value}]})

config_map(data_of_it) := fixture.create({
	"apiVersion": "v1",
	"kind": "ConfigMap",
	"metadata": {"name": "settings", "namespace": "shop"},
	"data": data_of_it,
})

test_a_known_token_in_a_variable_is_denied if {
	violations := policy.deny with input as variable("UPLOAD_AUTH", github_token)
	violations == {{
		"msg": `container "web": the variable UPLOAD_AUTH holds a GitHub token in plain text`,
		"path": "/spec/containers/0/env/0/value",
		"details": {"container": "web", "name": "UPLOAD_AUTH", "credential": "a GitHub token"},
		"remedy": {"text": concat("", [
			"keep the value in a Secret (env: valueFrom.secretKeyRef, files: a secret volume) ",
			"and replace the credential: everybody who could read the manifest has it",
		])},
	}}
}

test_this_shape_is_known[kind] if {
	some kind, value in known
	violations := policy.deny with input as variable("X", value)
	{violation.details.credential | some violation in violations} == {kind}
}

test_no_value_is_printed[kind] if {
	some kind, value in known
	in_variable := variable("MY_TOKEN", value)
	in_argument := fixture.container({"args": [value, concat("=", ["--token", value])]})
	in_config_map := config_map({"token": value})
	findings := [finding |
		some each in [in_variable, in_argument, in_config_map]
		denied := policy.deny with input as each
		warned := policy.warn with input as each
		some finding in (denied | warned)
	]
	count(findings) >= 4
	text := json.marshal(findings)
	every part in split(trim_space(value), "\n") {
		not contains(text, part)
	}
}

test_a_known_token_is_no_guess if {
	warnings := policy.warn with input as variable("GITHUB_TOKEN", github_token)
	warnings == set()
}

test_known_tokens_in_arguments_are_denied if {
	violations := policy.deny with input as fixture.container({
		"command": ["sh", "-c", concat("", ["curl -H 'Authorization: token ", github_token, "' https://api.example.com"])],
		"args": ["--verbose", known["a URL with a password"]],
	})
	fixture.paths(violations) == {"/spec/containers/0/command/2", "/spec/containers/0/args/1"}
}

test_known_tokens_in_a_ConfigMap_are_denied if {
	violations := policy.deny with input as config_map({"tls/key.pem": pem, "motd": "welcome"})
	fixture.paths(violations) == {"/data/tls~1key.pem"}
	fixture.messages(violations) == {"tls/key.pem in this ConfigMap holds a private key in plain text"}
}

test_this_is_not_a_known_token[name] if {
	some name, value in {
		"the key of AWS' documentation": concat("", ["AKIA", "IOSFODNN7EXAMPLE"]),
		"a Stripe test key": concat("", ["sk_test", "_0123456789abcdefABCDEF"]),
		"a certificate": "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIE\n-----END CERTIFICATE-----\n",
		"a public key": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PUBLIC KEY-----\n",
		"a URL whose password is a reference": "postgres://shop:$(DB_PASSWORD)@db:5432/shop",
		"a URL whose password is a shell variable": "postgres://shop:${DB_PASSWORD}@db:5432/shop",
		"a URL whose password is a template": "postgres://shop:{{ .password }}@db:5432/shop",
		"a URL with a user only": "ssh://git@git.example.com/shop.git",
		"a URL with a port and an at sign later": "https://registry.example.com:5000/@scope/package",
		"a URL in a comment": "# redis://:password@host:6379\nredis: off\n",
		"an e-mail address": "Shop <shop@example.com>",
		"an image with a digest": "web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"two parts of a JSON Web Token": concat("", ["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0"]),
		"a word with xox": "xoxo",
	}
	violations := policy.deny with input as variable("X", value)
	violations == set()
}

test_an_example_key_hides_no_other if {
	text := concat(" ", [concat("", ["AKIA", "IOSFODNN7EXAMPLE"]), known["an AWS access key"]])
	violations := policy.deny with input as variable("X", text)
	count(violations) == 1
}

test_a_literal_password_is_a_warning if {
	warnings := policy.warn with input as variable("DB_PASSWORD", "hunter2")
	warnings == {{
		"msg": `container "web": the value of DB_PASSWORD looks like a credential in plain text`,
		"path": "/spec/containers/0/env/0/value",
		"details": {"container": "web", "name": "DB_PASSWORD"},
		"remedy": {"text": concat("", [
			"keep the value in a Secret (env: valueFrom.secretKeyRef, files: a secret volume) ",
			"and replace the credential: everybody who could read the manifest has it",
		])},
	}}
	violations := policy.deny with input as variable("DB_PASSWORD", "hunter2")
	violations == set()
}

test_this_name_is_of_a_credential[name] if {
	some name in [
		"PASSWORD", "DB_PASSWORD", "PGPASSWORD", "db.password", "db-passwd", "DB_PASS", "REDIS_PWD", "SSH_PASSPHRASE", "TOKEN",
		"AUTH_TOKEN", "apiKey", "API_KEY", "APIKEY", "AWS_SECRET_ACCESS_KEY", "clientSecret", "OAUTH_CLIENT_SECRET", "SECRET",
		"FERNET_KEY", "signing-key", "DB_PASSWORD_2", "CREDENTIALS",
	]
	warnings := policy.warn with input as variable(name, "hunter2")
	count(warnings) == 1
}

test_this_name_is_of_something_else[name] if {
	some name in [
		"PASSWORD_FILE", "SECRET_NAME", "TOKEN_TTL", "PASSWORD_POLICY", "API_KEY_HEADER", "AWS_ACCESS_KEY_ID", "KMS_KEY_ID",
		"NUM_TOKENS", "PWD", "OLDPWD", "BYPASS", "COMPASS", "PUBLIC_KEY", "CASSANDRA_KEYSPACE", "MONKEY", "KEY", "VALKEY_MODE",
		"ETCD_INITIAL_CLUSTER_TOKEN", "ETCD_AUTH_TOKEN",
	]
	warnings := policy.warn with input as variable(name, "hunter2")
	warnings == set()
}

test_this_value_is_no_credential[value] if {
	some value in [
		"", "$(DB_PASSWORD)", "${DB_PASSWORD}", "$DB_PASSWORD", "{{ .password }}", "<path:secret/data/shop#password>", "__PASSWORD__",
		"/run/secrets/password", "./password", "certs/tls.key", "token.json", "https://id.example.com/token", "vault:secret/data/shop#pw",
		"arn:aws:secretsmanager:eu-west-1:1:secret:x", "op://shop/db/password", "true", "No", "none", "1", "********", "shop-db-credentials",
		"wildcard-tls",
	]
	warnings := policy.warn with input as variable("DB_PASSWORD", value)
	warnings == set()
}

test_a_default_password_is_a_password[value] if {
	some value in ["changeme", "password", "admin", "123456", "postgres"]
	warnings := policy.warn with input as variable("DB_PASSWORD", value)
	count(warnings) == 1
}

test_flags_with_a_credential_are_a_warning if {
	warnings := policy.warn with input as fixture.container({
		"command": ["server", "-db.password=hunter2"],
		"args": ["--api-key", "hunter2", "--token=$(TOKEN)", "--password-file=/x", "--secret", "--verbose", "--tls-private-key", "/x/tls.key"],
	})
	{violation.path: violation.details.name | some violation in warnings} == {
		"/spec/containers/0/command/1": "-db.password",
		"/spec/containers/0/args/1": "--api-key",
	}
}

test_keys_and_settings_of_a_ConfigMap_are_a_warning if {
	warnings := policy.warn with input as config_map({
		"DB_PASSWORD": "hunter2",
		"DB_HOST": "db",
		"application.properties": "# the shop\ndb.user=shop\ndb.password=hunter2\nspring.key=${KEY}\n",
		"config.yaml": "oidc:\n  clientSecret: \"hunter2\"\n  tokenSecret: {name: x}\n  passwordFile: /run/secrets/x\n",
		"setup.sh": "password=hunter2\nexport TOKEN=x\n",
	})
	{{"path": violation.path, "details": violation.details} | some violation in warnings} == {
		{"path": "/data/DB_PASSWORD", "details": {"name": "DB_PASSWORD"}},
		{"path": "/data/application.properties", "details": {"name": "application.properties", "setting": "db.password"}},
		{"path": "/data/config.yaml", "details": {"name": "config.yaml", "setting": "clientSecret"}},
	}
}

test_this_is_not_judged[name] if {
	some name, members in {
		"a reference to a Secret": {"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]},
		"a variable without value": {"env": [{"name": "DB_PASSWORD"}]},
		"values of wrong type": {"env": [{"name": "DB_PASSWORD", "value": 5}, {"name": 5, "value": "hunter2"}, null, "DB_PASSWORD=hunter2"]},
		"env is an object": {"env": {"DB_PASSWORD": "hunter2"}},
		"args is a string": {"args": "--password=hunter2", "command": null},
		"null arguments": {"args": [null, 5, ["--password=hunter2"]]},
		"the flag is last": {"args": ["--password"]},
	}
	violations := policy.deny with input as fixture.container(members)
	violations == set()
	warnings := policy.warn with input as fixture.container(members)
	warnings == set()
}

test_ConfigMap_data_of_wrong_type_is_not_judged[name] if {
	some name, data_of_it in {"null": null, "a string": pem, "a list": [pem], "numbers": {"password": 5}}
	violations := policy.deny with input as config_map(data_of_it)
	violations == set()
}

test_a_Secret_is_where_credentials_belong if {
	violations := policy.deny with input as fixture.create({
		"apiVersion": "v1",
		"kind": "Secret",
		"metadata": {"name": "db"},
		"data": {"token": github_token},
		"stringData": {"token": github_token},
	})
	violations == set()
}

test_parameters_ignore_other_names if {
	warnings := policy.warn with input as fixture.with_parameters(variable("DEMO_PASSWORD", "hunter2"), {"ignoredNames": ["DEMO_PASSWORD"]})
	warnings == set()
}

test_ephemeral_and_init_containers_are_looked_at if {
	bad := {"name": "x", "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "AUTH", "value": github_token}]}
	warnings := policy.warn with input as fixture.pod({"initContainers": [bad], "ephemeralContainers": [bad]})
	fixture.paths(warnings) == {"/spec/initContainers/0/env/0/value", "/spec/ephemeralContainers/0/env/0/value"}
	violations := policy.deny with input as fixture.pod({"initContainers": [bad], "ephemeralContainers": [bad]})
	fixture.paths(violations) == {"/spec/initContainers/0/env/1/value", "/spec/ephemeralContainers/0/env/1/value"}
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"containers": [{"args": [github_token]}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0/args/0"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"args": [github_token]}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/args/0"])}
}

test_known_tokens_in_annotations_are_denied if {
	object := fixture.create({
		"apiVersion": "apps/v1",
		"kind": "Deployment",
		"metadata": {"name": "web", "annotations": {
			"example.com/hook": known["a Slack webhook"],
			"kubectl.kubernetes.io/last-applied-configuration": github_token,
			"example.com/owner": "shop@example.com",
		}},
		"spec": {"template": {"metadata": {"annotations": {"example.com/a/b": github_token}}, "spec": {"containers": []}}},
	})
	violations := policy.deny with input as object
	{violation.path: violation.msg | some violation in violations} == {
		"/metadata/annotations/example.com~1hook": "the annotation example.com/hook holds a Slack webhook in plain text",
		"/spec/template/metadata/annotations/example.com~1a~1b": "the annotation example.com/a/b holds a GitHub token in plain text",
	}
}

test_annotations_of_a_ConfigMap_are_looked_at if {
	object := fixture.create({
		"apiVersion": "v1",
		"kind": "ConfigMap",
		"metadata": {"name": "settings", "annotations": {"hook": known["a Slack webhook"]}},
	})
	violations := policy.deny with input as object
	fixture.paths(violations) == {"/metadata/annotations/hook"}
}

random := concat("", ["qZ7rT2mWx9", "KpL4vBn8Ys", "D3fHj6Qc1A"])

test_a_long_random_value_is_a_warning if {
	warnings := policy.warn with input as variable("UPLOAD_PARAMETER", random)
	warnings == {{
		"msg": `container "web": the value of UPLOAD_PARAMETER is a long random text, as tokens are`,
		"path": "/spec/containers/0/env/0/value",
		"details": {"container": "web", "name": "UPLOAD_PARAMETER"},
		"remedy": {"text": concat("", [
			"keep the value in a Secret (env: valueFrom.secretKeyRef, files: a secret volume) ",
			"and replace the credential: everybody who could read the manifest has it",
		])},
	}}
}

test_this_does_not_look_random[name] if {
	some name, [variable_name, value] in {
		"a digest": ["IMAGE", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
		"a UUID": ["TENANT", "6f1c9d3e-52a8-4b7f-9e0d-1c2b3a4f5e6d"],
		"a class": ["MAIN_CLASS", "ShopOrderProcessingServiceApplicationV2"],
		"a checksum by its name": ["CONFIG_HASH", random],
		"a sentence": ["MOTTO", concat(" ", ["see", random])],
		"a path": ["HOME_DIR", concat("", ["/srv.d/", random])],
		"a short one": ["X", substring(random, 0, 20)],
	}
	warnings := policy.warn with input as variable(variable_name, value)
	warnings == set()
}

test_a_random_value_with_a_telling_name_is_said_once if {
	warnings := policy.warn with input as variable("UPLOAD_TOKEN", random)
	count(warnings) == 1
}
