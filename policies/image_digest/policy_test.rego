package lockkeeper.image_digest_test

import data.lockkeeper.image_digest as policy
import data.lockkeeper.lib.fixture

digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

warned(image) := violations if {
	violations := policy.warn with input as fixture.container({"image": image})
}

with_parameters(image, parameters) := violations if {
	violations := policy.warn with input as fixture.with_parameters(fixture.container({"image": image}), parameters)
}

test_a_tag_that_moves_is_a_warning if {
	warned("nginx:stable-alpine") == {{
		"msg": `container "web": image "nginx:stable-alpine" has no digest, and its tag can be moved to another program`,
		"path": "/spec/containers/0/image",
		"details": {"container": "web", "image": "nginx:stable-alpine"},
		"remedy": {"text": "name the digest behind the tag: name:1.2.3@sha256:…"},
	}}
}

test_these_tags_move[image] if {
	some image in ["web:main", "web:v2", "postgres:16-alpine", "ghcr.io/acme/web:edge", "localhost:5000/web:dev"]
	count(warned(image)) == 1
}

test_these_images_are_allowed[image] if {
	some image in ["web:1.4.2", "web", "web:latest", "web:20240101", "web:4f2a9c1", concat("", ["web:main", digest]), concat("", ["web", digest])]
	warned(image) == set()
}

test_parameters_require_all_digests_or_none if {
	count(with_parameters("web:1.4.2", {"requiredFor": "all"})) == 1
	with_parameters("web", {"requiredFor": "all"}) == set()
	with_parameters(concat("", ["web:1.4.2", digest]), {"requiredFor": "all"}) == set()
	with_parameters("web:main", {"requiredFor": "none"}) == set()
}

test_parameters_name_registries_whose_tags_stay if {
	parameters := {"requiredFor": "all", "immutableRegistries": ["registry.example.com", "ghcr.io/acme/"]}
	with_parameters("registry.example.com/web:main", parameters) == set()
	with_parameters("ghcr.io/acme/web:main", parameters) == set()
	count(with_parameters("ghcr.io/acme2/web:main", parameters)) == 1
	count(with_parameters("registry.example.com.evil.example/web:main", parameters)) == 1
}

test_ephemeral_and_init_containers_and_volumes_are_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"initContainers": [{"image": "a:main"}],
		"ephemeralContainers": [{"image": "b:main"}],
		"volumes": [{"name": "v", "image": {"reference": "c:main"}}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/image",
		"/spec/ephemeralContainers/0/image",
		"/spec/volumes/0/image/reference",
	}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [{"image": "web:main"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/image"])}
}
