# METADATA
# title: Credentials
# description: Finds credentials of known services in texts by their shape. What it says of one never holds a part of it.
package lockkeeper.lib.credential

# Holds for every text that one of the shapes matches, and for few others: one search costs less than one for each shape.
suspicious(text) if {
	is_string(text)
	regex.match(
		`A[KS]IA|gh[opsur]_|_pat_|glpat-|xox|\.slack|AIza|_live_|eyJ|ATE KEY|@|sk-[aps][nrv]|npm_|hv[bs]\.|tKey=|SG\.|i-AgE|do[opr]_v1|shp[acps][ast]_|glsa|T-KEY|GOCSPX|hf_|key-data|"auths|webhooks/`,
		text,
	)
}

# What a text holds, in words: {"a GitHub token"}. A text without a shape's hint cannot match its pattern, which then need
# not be compiled.
kinds(text) := {shape.kind |
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
	{"kind": "a Discord webhook", "hint": "api/webhooks/", "pattern": `discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60}`},
	{"kind": "a Google API key", "hint": "AIza", "pattern": `\bAIza[A-Za-z0-9_-]{35}`},
	{"kind": "a Google client secret", "hint": "GOCSPX-", "pattern": `\bGOCSPX-[A-Za-z0-9_-]{28}`},
	{"kind": "a Stripe key", "hint": "k_live_", "pattern": `\b[rs]k_live_[A-Za-z0-9]{16}`},
	{"kind": "an Anthropic API key", "hint": "sk-ant-", "pattern": `\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{20}`},
	{"kind": "an OpenAI API key", "hint": "sk-", "pattern": `\bsk-(?:proj|svcacct)-[A-Za-z0-9_-]{20}`},
	{"kind": "an npm token", "hint": "npm_", "pattern": `\bnpm_[A-Za-z0-9]{36}\b`},
	{"kind": "a PyPI token", "hint": "pypi-AgE", "pattern": `\bpypi-AgE[A-Za-z0-9_-]{50}`},
	{"kind": "a Docker Hub token", "hint": "dckr_pat_", "pattern": `\bdckr_pat_[A-Za-z0-9_-]{20}`},
	{"kind": "a DigitalOcean token", "hint": "_v1_", "pattern": `\bdo[opr]_v1_[a-f0-9]{64}`},
	{"kind": "a Vault token", "hint": "hv", "pattern": `\bhv[bs]\.[A-Za-z0-9_-]{24}`},
	{"kind": "a SendGrid key", "hint": "SG.", "pattern": `\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}`},
	{"kind": "a Shopify token", "hint": "shp", "pattern": `\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}`},
	{"kind": "a Grafana token", "hint": "glsa_", "pattern": `\bglsa_[A-Za-z0-9]{32}_[a-f0-9]{8}`},
	{"kind": "a Hugging Face token", "hint": "hf_", "pattern": `\bhf_[A-Za-z]{34}\b`},
	{"kind": "an age key", "hint": "AGE-SECRET-KEY", "pattern": `\bAGE-SECRET-KEY-1[A-Z0-9]{58}`},
	{"kind": "an Azure storage key", "hint": "AccountKey=", "pattern": `\bAccountKey=[A-Za-z0-9+/]{40}`},
	{"kind": "the key of a kubeconfig", "hint": "client-key-data", "pattern": `\bclient-key-data\\?["']?\s*:\s*\\?["']?[A-Za-z0-9+/]{40}`},
	{"kind": "credentials of a registry", "hint": `"auths`, "pattern": `\\?"auth\\?"\s*:\s*\\?"[A-Za-z0-9+/]{8}`},
	{"kind": "a JSON Web Token", "hint": "eyJ", "pattern": `\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16}`},
	{"kind": "a private key", "hint": "PRIVATE KEY", "pattern": `-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\+[nr])*[A-Za-z0-9+/]`},
	{"kind": "a URL with a password", "hint": "@", "pattern": _url_with_password},
]

# Not in a comment, and not `$(VAR)`, `${VAR}`, `{{…}}`, `<…>`, `%s` or `***` in place of the password.
_url_with_password := `(?m)^[^#\n]*\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'<>]*:[^\s/?#@"'<>${}%*][^\s/?#@"'<>]*@[A-Za-z0-9\[$]`

# AWS' documentation writes AKIAIOSFODNN7EXAMPLE.
_is_documented_example(match) if endswith(match, "7EXAMPLE")
