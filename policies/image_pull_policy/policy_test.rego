package lockkeeper.image_pull_policy_test

import data.lockkeeper.image_pull_policy as policy
import data.lockkeeper.lib.fixture

digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

warned(image, pull_policy) := violations if {
	violations := policy.warn with input as fixture.container({"image": image, "imagePullPolicy": pull_policy})
}

test_never_is_a_warning_with_a_patch if {
	warned("shop/web:1.4.2", "Never") == {{
		"msg": `container "web": imagePullPolicy is Never: the node's own image of that name is started, whoever put it there`,
		"path": "/spec/containers/0/imagePullPolicy",
		"details": {"container": "web", "image": "shop/web:1.4.2", "pullPolicy": "Never"},
		"remedy": {
			"text": "take the image from a registry",
			"patch": [{"op": "replace", "path": "/spec/containers/0/imagePullPolicy", "value": "IfNotPresent"}],
		},
	}}
}

test_a_tag_that_moves_and_is_pulled_once_is_a_warning if {
	warned("shop/web:latest", "IfNotPresent") == {{
		"msg": `container "web": imagePullPolicy is IfNotPresent: the tag moves, so each node runs what it pulled first`,
		"path": "/spec/containers/0/imagePullPolicy",
		"details": {"container": "web", "image": "shop/web:latest", "pullPolicy": "IfNotPresent"},
		"remedy": {
			"text": "name a fixed version, or pull always",
			"patch": [{"op": "replace", "path": "/spec/containers/0/imagePullPolicy", "value": "Always"}],
		},
	}}
}

test_the_patch_of_never_fits_the_tag if {
	values := {operation.value | some violation in warned("shop/web", "Never"); some operation in violation.remedy.patch}
	values == {"Always"}
}

test_this_is_allowed[name] if {
	some name, [image, pull_policy] in {
		"a fixed version pulled once": ["web:1.4.2", "IfNotPresent"],
		"no image reference, as the API server fills it in": ["ko://example.com/cmd/web", "IfNotPresent"],
		"a fixed version pulled always": ["web:1.4.2", "Always"],
		"latest pulled always": ["web:latest", "Always"],
		"a digest pulled once": [concat("", ["web:latest", digest]), "IfNotPresent"],
		"an image of the node itself": ["localhost/web:1", "Never"],
		"an image that is injected": ["auto", "IfNotPresent"],
		"an empty policy": ["web:latest", ""],
		"null": ["web:latest", null],
	}
	warned(image, pull_policy) == set()
}

# The API server writes the default; both forms have one answer.
test_an_absent_policy_is_right[image] if {
	some image in ["web", "web:latest", "web:1.4.2"]
	violations := policy.warn with input as fixture.container({"image": image})
	violations == set()
}

test_parameters_name_preloaded_registries if {
	object := fixture.container({"image": "registry.example.com/edge/web:1", "imagePullPolicy": "Never"})
	violations := policy.warn with input as fixture.with_parameters(object, {"preloaded": ["registry.example.com/edge"]})
	violations == set()
	other := policy.warn with input as fixture.with_parameters(object, {"preloaded": ["registry.example.com/ed"]})
	count(other) == 1
}

test_ephemeral_and_init_containers_and_volumes_are_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"initContainers": [{"image": "a:1", "imagePullPolicy": "Never"}],
		"ephemeralContainers": [{"image": "b:1", "imagePullPolicy": "Never"}],
		"volumes": [{"name": "v", "image": {"reference": "c:1", "pullPolicy": "Never"}}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/imagePullPolicy",
		"/spec/ephemeralContainers/0/imagePullPolicy",
		"/spec/volumes/0/image/pullPolicy",
	}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [{"image": "web:1", "imagePullPolicy": "Never"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/imagePullPolicy"])}
}
