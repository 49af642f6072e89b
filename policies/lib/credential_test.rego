package lockkeeper.lib.credential_test

import data.lockkeeper.lib.credential

# Tokens are put together here, so that scanners of repositories find none in this file.
letters := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

hexadecimal := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

known := {
	"an AWS access key": concat("", ["ASIA", "Z7QHRW2PLMNB4XYD"]),
	"a GitHub token": concat("", ["github_pat", "_", substring(letters, 0, 55)]),
	"a Discord webhook": concat("", ["https://discord.com/api", "/webhooks/12345678901234567/", letters]),
	"a Google client secret": concat("", ["GOCSPX", "-", substring(letters, 0, 28)]),
	"an Anthropic API key": concat("", ["sk-ant", "-api03-", substring(letters, 0, 30)]),
	"an OpenAI API key": concat("", ["sk-proj", "-", substring(letters, 0, 30)]),
	"an npm token": concat("", ["npm", "_", substring(letters, 0, 36)]),
	"a PyPI token": concat("", ["pypi", "-AgEIcHlwaS5vcmc", substring(letters, 0, 55)]),
	"a Docker Hub token": concat("", ["dckr", "_pat_", substring(letters, 0, 27)]),
	"a DigitalOcean token": concat("", ["dop", "_v1_", hexadecimal]),
	"a Vault token": concat("", ["hvs", ".", substring(letters, 0, 30)]),
	"a SendGrid key": concat("", ["SG", ".", substring(letters, 0, 22), ".", substring(letters, 0, 43)]),
	"a Shopify token": concat("", ["shpat", "_", substring(hexadecimal, 0, 32)]),
	"a Grafana token": concat("", ["glsa", "_", substring(letters, 0, 32), "_", substring(hexadecimal, 0, 8)]),
	"a Hugging Face token": concat("", ["hf", "_", substring(letters, 0, 34)]),
	"an age key": concat("", ["AGE-SECRET", "-KEY-1", upper(substring(letters, 0, 58))]),
	"an Azure storage key": concat("", ["DefaultEndpointsProtocol=https;AccountName=shop;Account", "Key=", letters, "=="]),
	"the key of a kubeconfig": concat("", ["users:\n- user:\n    client-key", "-data: ", letters]),
	"credentials of a registry": concat("", [`{"auths": {"ghcr.io": {"au`, `th": "c2hvcDpodW50ZXIy"}}}`]),
	"a private key": concat("", [`{"private_key": "-----BEGIN PRIVATE`, ` KEY-----\nMIIEvQ"}`]),
}

test_this_shape_is_known[kind] if {
	some kind, text in known
	credential.suspicious(text)
	credential.kinds(text) == {kind}
}

test_this_shape_is_known_in_JSON_in_a_text[kind] if {
	some kind in ["credentials of a registry", "the key of a kubeconfig", "a private key"]
	text := json.marshal({"file": known[kind]})
	credential.suspicious(text)
	credential.kinds(text) == {kind}
}

test_this_is_none[text] if {
	some text in [
		"", "sk-project", "npm_config_cache=/tmp", "hvs.example", "shop@example.com", "SG.example", "hf_hub", "AccountKey=$(KEY)",
		"client-key-data: REDACTED", `{"auths": {}}`, `{"auths": {"ghcr.io": {"auth": "$(AUTH)"}}}`, "pypi-AgENDA", "https://discord.com/api/webhooks/$(ID)/$(TOKEN)",
	]
	credential.kinds(text) == set()
}

test_only_texts_are_suspicious[name] if {
	some name, value in {"null": null, "a number": 5, "a list": ["eyJ"], "an object": {"a": "eyJ"}}
	not credential.suspicious(value)
}
