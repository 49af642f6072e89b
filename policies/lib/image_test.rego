package lockkeeper.lib.image_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.image

hex64 := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

test_a_reference_has_these_parts[reference] if {
	some reference, wanted in {
		"nginx": ["docker.io", "library/nginx", "", ""],
		"nginx:1.27": ["docker.io", "library/nginx", "1.27", ""],
		"docker.io/nginx:1": ["docker.io", "library/nginx", "1", ""],
		"index.docker.io/bitnami/redis:7": ["docker.io", "bitnami/redis", "7", ""],
		"bitnami/redis": ["docker.io", "bitnami/redis", "", ""],
		"registry:5000/shop/web:2.0.1": ["registry:5000", "shop/web", "2.0.1", ""],
		"registry:5000/web": ["registry:5000", "web", "", ""],
		"localhost/web:1": ["localhost", "web", "1", ""],
		"REGISTRY/web:1": ["REGISTRY", "web", "1", ""],
		"gcr.io/a/b/c:v1": ["gcr.io", "a/b/c", "v1", ""],
		"registry:443": ["docker.io", "library/registry", "443", ""],
		concat("", ["nginx:1.27@sha256:", hex64]): ["docker.io", "library/nginx", "1.27", concat("", ["sha256:", hex64])],
		concat("", ["gcr.io/a/b@sha256:", hex64]): ["gcr.io", "a/b", "", concat("", ["sha256:", hex64])],
	}
	parts := image.parts(reference)
	[parts.registry, parts.path, parts.tag, parts.digest] == wanted
}

test_no_reference_has_two_answers[reference] if {
	some reference in ["", "/", ":", "@", "a//b", "a:b:c", "a@b@c", "/nginx", "nginx/", "${IMAGE}", "{{ .Values.image }}", "a.b/"]
	object.keys(image.parts(reference)) == {"registry", "path", "tag", "digest"}
}

test_these_tags_move[tag] if {
	some tag in ["latest", "stable", "main", "alpine", "stable-slim", "1", "v2", "16-alpine", "3-slim", "8-jdk"]
	image.moves(tag)
}

test_these_tags_stay[tag] if {
	some tag in ["", "1.27", "v1.2.3", "20240101", "178c1fa", "2-5.1", "r12345", "329", "1.0-alpine", "sha-1a2b3c", "8u212-jre"]
	not image.moves(tag)
}

test_images_of_all_lists_and_volumes_are_found if {
	found := image.images with input as fixture.pod({
		"containers": [{"name": "web", "image": "web:1"}, {"name": "none"}, {"name": "empty", "image": ""}, {"name": "wrong", "image": 5}],
		"initContainers": [{"name": "migrate", "image": "migrate:1"}],
		"ephemeralContainers": [{"name": "debugger", "image": "debug:1"}],
		"volumes": [{"name": "model", "image": {"reference": "model:1"}}, {"name": "tmp", "emptyDir": {}}, "x", {"name": "none", "image": null}],
	})
	{path: [image.label(entry), image.details(entry)] | some path, entry in found} == {
		"/spec/containers/0/image": [`container "web"`, {"container": "web", "image": "web:1"}],
		"/spec/initContainers/0/image": [`init container "migrate"`, {"container": "migrate", "image": "migrate:1"}],
		"/spec/ephemeralContainers/0/image": [`ephemeral container "debugger"`, {"container": "debugger", "image": "debug:1"}],
		"/spec/volumes/0/image/reference": [`volume "model"`, {"volume": "model", "image": "model:1"}],
	}
}
