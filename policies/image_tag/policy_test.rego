package lockkeeper.image_tag_test

import data.lockkeeper.image_tag as policy
import data.lockkeeper.lib.fixture

hex64 := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

warned(image) := violations if {
	violations := policy.warn with input as fixture.container({"image": image})
}

test_an_image_without_a_tag_is_a_warning if {
	warned("registry:443/shop/web") == {{
		"msg": concat("", [
			`container "web": image "registry:443/shop/web" has no tag, `,
			"so what is called latest on the day it is pulled runs",
		]),
		"path": "/spec/containers/0/image",
		"details": {"container": "web", "image": "registry:443/shop/web"},
		"remedy": {"text": "name a fixed version, best with its digest: name:1.2.3@sha256:…"},
	}}
}

test_the_tag_latest_is_a_warning if {
	fixture.messages(warned("shop/web:latest")) == {`container "web": image "shop/web:latest" has the tag latest, which is moved with every release`}
}

test_these_have_no_tag[image] if {
	some image in ["nginx", "shop/web", "registry.example.com/shop/web", "localhost:5000/web", "[::1]:5000/web", "REGISTRY:80/web"]
	contains(concat("", fixture.messages(warned(image))), "has no tag")
}

test_these_are_latest[image] if {
	some image in ["nginx:latest", "registry:443/web:latest", "REGISTRY:443/web:latest"]
	contains(concat("", fixture.messages(warned(image))), "has the tag latest")
}

test_these_are_allowed[image] if {
	some image in [
		"nginx:1.27.3",
		"registry:443",
		"registry:443/web:1",
		"registry.example.com:5000/shop/web_server/a--b__c:v1.2.3-RC_1",
		"Registry.Example.com/web:1",
		"[2001:db8::1]:5000/web:1",
		concat("", ["nginx@sha256:", hex64]),
		concat("", ["nginx:latest@sha256:", hex64]),
		concat("", ["nginx@sha512:", hex64, hex64]),
		"web:latest-alpine",
		"web:_1",
		"auto",
	]
	warned(image) == set()
}

test_these_are_not_references[image] if {
	some image in [
		" nginx:1", "nginx:1 ", "nginx:1\nweb", "shop/web:80/cart", "registry:8a/web:1", "nginx:", "nginx:.1", ":latest", "/nginx:1", "nginx/:1", "shop//web:1", "-nginx:1", "nginx_:1",
		"a___b:1", "http://registry/web:1", "ko://example.com/web", "${IMAGE}", "{{ .Values.image }}", "web:1:2", "a:80:b",
		"nginx@", "nginx@sha256:abc", "nginx@sha256", "nginx@md5:0123456789abcdef0123456789abcdef",
		"nginx@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"web:a234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
	]
	contains(concat("", fixture.messages(warned(image))), "is not a valid image reference")
}

test_upper_case_is_said_to_be_the_reason[image] if {
	some image in ["Nginx:1.27", "shop/Web:1", "registry:443/SHOP/web"]
	contains(concat("", fixture.messages(warned(image))), "its repository must be lower case")
}

test_this_is_not_judged[name] if {
	some name, image in {"empty": "", "null": null, "a number": 5, "a list": ["nginx"]}
	warned(image) == set()
}

test_an_absent_image_is_not_judged if {
	violations := policy.warn with input as fixture.pod({"containers": [{"name": "web"}]})
	violations == set()
}

test_parameters_name_other_floating_tags_and_exempt_images if {
	parameters := {"floatingTags": ["stable"], "exemptImages": ["istio-proxy"]}
	violations := policy.warn with input as fixture.with_parameters(
		fixture.pod({"containers": [
			{"image": "web:latest"},
			{"image": "web:stable"},
			{"image": "istio-proxy"},
			{"image": "auto"},
		]}),
		parameters,
	)
	fixture.paths(violations) == {"/spec/containers/1/image", "/spec/containers/3/image"}
}

test_image_volumes_are_looked_at if {
	violations := policy.warn with input as fixture.pod({"volumes": [
		{"name": "model", "image": {"reference": "shop/model:latest"}},
		{"name": "rules", "image": {"reference": "shop/rules:3"}},
	]})
	fixture.messages(violations) == {`volume "model": image "shop/model:latest" has the tag latest, which is moved with every release`}
	fixture.paths(violations) == {"/spec/volumes/0/image/reference"}
}

test_ephemeral_and_init_containers_are_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"initContainers": [{"image": "busybox"}],
		"ephemeralContainers": [{"image": "busybox"}],
	})
	fixture.paths(violations) == {"/spec/initContainers/0/image", "/spec/ephemeralContainers/0/image"}
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"containers": [{"image": "busybox"}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0/image"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [{"image": "busybox"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/image"])}
}
