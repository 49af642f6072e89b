package lockkeeper.image_registry_test

import data.lockkeeper.image_registry as policy
import data.lockkeeper.lib.fixture

at(object, now) := json.patch(object, [{"op": "add", "path": "/now", "value": now}])

judged(image, parameters) := fixture.with_parameters(at(fixture.container({"image": image}), "2026-06-01T12:00:00Z"), parameters)

denied(image, parameters) := violations if {
	violations := policy.deny with input as judged(image, parameters)
}

warned(image) := violations if {
	violations := policy.warn with input as judged(image, {})
}

test_a_registry_for_everybody_is_denied if {
	denied("ttl.sh/web-4711:1.0", {}) == {{
		"msg": `container "web": image "ttl.sh/web-4711:1.0" comes from ttl.sh, where everybody may push under every name`,
		"path": "/spec/containers/0/image",
		"details": {"container": "web", "image": "ttl.sh/web-4711:1.0"},
		"remedy": {"text": "copy the image into a registry of your own and take it from there"},
	}}
}

test_an_empty_list_allows_every_registry[image] if {
	some image in ["nginx:1.27", "registry.example.com/web:1", "localhost:5000/web:1", "10.0.0.1:5000/web:1"]
	denied(image, {"allowed": []}) == set()
}

test_the_list_allows_registries_and_beginnings_of_paths[image] if {
	some image, count_of_violations in {
		"registry.example.com/shop/web:1": 0,
		"ghcr.io/acme/web:1": 0,
		"ghcr.io/acme-evil/web:1": 1,
		"registry.example.com.evil.example/web:1": 1,
		"nginx:1.27": 0,
		"docker.io/library/redis:7": 0,
		"bitnami/redis:7": 1,
		"registry.example.com:5000/web:1": 1,
	}
	allowed := {"allowed": ["registry.example.com", "ghcr.io/acme", "docker.io/library/"]}
	count(denied(image, allowed)) == count_of_violations
}

test_what_is_not_on_the_list_is_said if {
	violations := denied("quay.io/acme/web:1", {"allowed": ["ghcr.io"]})
	fixture.messages(violations) == {`container "web": image "quay.io/acme/web:1" comes from quay.io, which is not an allowed registry`}
}

test_a_registry_without_new_images_is_a_warning if {
	warned("k8s.gcr.io/pause:3.2") == {{
		"msg": `container "web": image "k8s.gcr.io/pause:3.2" comes from k8s.gcr.io, which gets no more images since 2023-04-03`,
		"path": "/spec/containers/0/image",
		"details": {"container": "web", "image": "k8s.gcr.io/pause:3.2"},
		"remedy": {"text": "take the image from registry.k8s.io"},
	}}
}

test_these_get_no_more_images[image] if {
	some image in ["gcr.io/google_containers/pause:3.2", "bitnami/redis:7.0", "docker.io/bitnamilegacy/redis:7.0", "openjdk:17"]
	count(warned(image)) == 1
}

test_these_still_get_images[image] if {
	some image in ["registry.k8s.io/pause:3.10", "gcr.io/google_containers2/pause:3.2", "gcr.io/distroless/base:1", "registry.example.com/bitnami/redis:7", "ghcr.io/acme/openjdk:17"]
	warned(image) == set()
}

test_before_the_day_nothing_is_said if {
	violations := policy.warn with input as at(fixture.container({"image": "k8s.gcr.io/pause:3.2"}), "2023-04-02T23:59:59Z")
	violations == set()
	on_the_day := policy.warn with input as at(fixture.container({"image": "k8s.gcr.io/pause:3.2"}), "2023-04-03T00:00:00Z")
	count(on_the_day) == 1
}

test_ephemeral_and_init_containers_and_volumes_are_looked_at if {
	violations := policy.deny with input as fixture.pod({
		"initContainers": [{"image": "ttl.sh/a:1"}],
		"ephemeralContainers": [{"image": "ttl.sh/b:1"}],
		"volumes": [{"name": "v", "image": {"reference": "ttl.sh/c:1"}}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/image",
		"/spec/ephemeralContainers/0/image",
		"/spec/volumes/0/image/reference",
	}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"image": "ttl.sh/web:1"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/image"])}
}
