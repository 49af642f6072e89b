package lockkeeper.ingress_snippets_test

import data.lockkeeper.ingress_snippets as policy
import data.lockkeeper.lib.fixture

ingress(annotations) := fixture.create({
	"apiVersion": "networking.k8s.io/v1",
	"kind": "Ingress",
	"metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
	"spec": {"rules": [{"host": "web.example.com"}]},
})

test_a_snippet_that_runs_code_is_denied if {
	violations := policy.deny with input as ingress({"nginx.ingress.kubernetes.io/configuration-snippet": "content_by_lua_block { os.execute('id') }"})
	violations == {{
		"msg": concat("", [
			`the annotation nginx.ingress.kubernetes.io/configuration-snippet contains "_by_lua": `,
			"that reaches into the Ingress controller itself",
		]),
		"path": "/metadata/annotations/nginx.ingress.kubernetes.io~1configuration-snippet",
		"details": {"annotation": "nginx.ingress.kubernetes.io/configuration-snippet", "word": "_by_lua"},
		"remedy": {"text": "remove the annotation, and have those who run the controller configure what is needed"},
	}}
	warnings := policy.warn with input as ingress({"nginx.ingress.kubernetes.io/configuration-snippet": "content_by_lua_block { }"})
	warnings == set()
}

test_the_token_of_the_controller_is_denied_in_every_annotation if {
	violations := policy.deny with input as ingress({"nginx.ingress.kubernetes.io/auth-tls-match-cn": "CN=x #(\n){}\nalias /var/run/secrets/kubernetes.io/serviceaccount/;"})
	count(violations) == 1
}

test_a_harmless_snippet_is_a_warning if {
	warnings := policy.warn with input as ingress({"nginx.ingress.kubernetes.io/server-snippet": "more_set_headers \"X: 1\";"})
	warnings == {{
		"msg": concat("", [
			"the annotation nginx.ingress.kubernetes.io/server-snippet writes configuration of the Ingress controller, ",
			"which all teams share",
		]),
		"path": "/metadata/annotations/nginx.ingress.kubernetes.io~1server-snippet",
		"details": {"annotation": "nginx.ingress.kubernetes.io/server-snippet"},
		"remedy": {"text": "use the annotation that is made for the purpose, or have those who run the controller configure it"},
	}}
}

test_other_controllers_have_snippets_too if {
	every key in ["nginx.org/location-snippets", "haproxy.org/backend-config-snippet", "custom.ingress.kubernetes.io/auth-snippet"] {
		warnings := policy.warn with input as ingress({key: "x"})
		count(warnings) == 1
	}
}

test_this_is_allowed[name] if {
	some name, annotations in {
		"an annotation that is made for the purpose": {"nginx.ingress.kubernetes.io/ssl-redirect": "true"},
		"a snippet of somebody else": {"docs.example.com/code-snippet": "load_module"},
		"no annotations": {},
		"null": null,
		"a string": "configuration-snippet",
		"malformed values": {"nginx.ingress.kubernetes.io/configuration-snippet": 5},
		"a key without domain": {"configuration-snippet": "x"},
	}
	violations := policy.deny with input as ingress(annotations)
	violations == set()
	warnings := policy.warn with input as ingress(annotations)
	warnings == set()
}

test_parameters_name_other_words if {
	violations := policy.deny with input as fixture.with_parameters(
		ingress({"nginx.ingress.kubernetes.io/server-snippet": "proxy_pass http://other;"}),
		{"deniedWords": ["proxy_pass"]},
	)
	count(violations) == 1
}
