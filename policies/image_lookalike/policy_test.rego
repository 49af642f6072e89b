package lockkeeper.image_lookalike_test

import data.lockkeeper.image_lookalike as policy
import data.lockkeeper.lib.fixture

denied(image) := violations if {
	violations := policy.deny with input as fixture.container({"image": image})
}

warned(image) := violations if {
	violations := policy.warn with input as fixture.container({"image": image})
}

test_a_registry_one_letter_away_is_denied if {
	denied("ghrc.io/acme/web:1") == {{
		"msg": `container "web": the registry of image "ghrc.io/acme/web:1" is ghrc.io, which looks like ghcr.io and is another`,
		"path": "/spec/containers/0/image",
		"details": {"container": "web", "image": "ghrc.io/acme/web:1", "name": "ghrc.io", "looksLike": "ghcr.io"},
		"remedy": {"text": "write ghcr.io, or list ghrc.io in allowedNames where it is meant"},
	}}
}

test_these_registries_imitate_another[image] if {
	some image, original in {
		"gchr.io/a/b:1": "gcr.io",
		"gcrr.io/a/b:1": "gcr.io",
		"quayi.o/a/b:1": "quay.io",
		"quay.lo/a/b:1": "quay.io",
		"qay.io/a/b:1": "quay.io",
		"dockerr.io/library/nginx:1": "docker.io",
		"d0cker.io/library/nginx:1": "docker.io",
		"registry.k8s.lo/pause:3": "registry.k8s.io",
		"rnicrosoft.io/x:1": null,
		"mcr.rnicrosoft.com/x:1": "mcr.microsoft.com",
		"ghrc.io:443/a/b:1": "ghcr.io",
	}
	{violation.details.looksLike | some violation in denied(image)} == {each | each := original; each != null}
}

test_these_registries_are_what_they_are[image] if {
	some image in [
		"ghcr.io/a/b:1", "gcr.io/a/b:1", "us.gcr.io/a/b:1", "icr.io/a/b:1", "quay.io/a/b:1", "registry.k8s.io/pause:3", "registry.example.com/a:1",
		"cr.example.io/a:1", "localhost:5000/a:1", "registry/a:1", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1", "nginx:1",
	]
	denied(image) == set()
}

test_a_name_one_letter_away_is_a_warning if {
	warned("ngnix:1.27") == {{
		"msg": `container "web": ngnix in the image "ngnix:1.27" looks like nginx and is another name`,
		"path": "/spec/containers/0/image",
		"details": {"container": "web", "image": "ngnix:1.27", "name": "ngnix", "looksLike": "nginx"},
		"remedy": {"text": "write nginx, or list ngnix in allowedNames where it is meant"},
	}}
}

test_these_names_imitate_another[image] if {
	some image, original in {
		"bitnani/redis:7": "bitnami",
		"grafanna/grafana:12": "grafana",
		"docker.io/kuberntesio/kube-controller:1": "kubernetes",
		"k8s-gcr/pause:3": "k8s.gcr.io",
		"k8s_gcr/pause:3": "k8s.gcr.io",
		"ghcr.io/argoprj/argocd:1": "argoproj",
		"quay.io/promethues/node-exporter:1": "prometheus",
		"p0stgres:16": "postgres",
		"haproxyy:3.0": "haproxy",
		"rnariadb:11": "mariadb",
	}
	{violation.details.looksLike | some violation in warned(image)} == {original}
}

test_these_names_are_what_they_are[image] if {
	some image in [
		"nginx:1.27", "bitnami/redis:7", "nginxinc/nginx-unprivileged:1", "mongo:7", "node:24", "web:1", "shop/web:1", "centos7/httpd:1",
		"registry.example.com/ngnix:1", "gcr.io/grafanna/x:1", "fluentd/fluentd:1", "graph/graph:1", "rediscommander/redis-commander:1",
		"ubuntu-pro/x:1", "kubernetes-sigs/x:1", "", "/", "${IMAGE}",
	]
	warned(image) == set()
}

test_parameters_allow_names if {
	object := fixture.with_parameters(fixture.container({"image": "ghrc.io/bitnani/web:1"}), {"allowedNames": ["ghrc.io", "bitnani"]})
	violations := policy.deny with input as object
	violations == set()
	hub := fixture.with_parameters(fixture.container({"image": "bitnani/web:1"}), {"allowedNames": ["bitnani"]})
	warnings := policy.warn with input as hub
	warnings == set()
}

_all(by_length) := [name | some list in by_length; some name in list]

test_every_known_name_stands_under_its_length if {
	known := data.lockkeeper.knownImages
	{name | some length, list in known.compared; some name in list; format_int(count(name), 10) != length} == set()
	{name | some length, list in known.registries; some name in list; format_int(count(name), 10) != length} == set()
}

test_no_known_name_and_no_known_registry_imitates_another if {
	known := data.lockkeeper.knownImages
	names := [{"image": concat("", [name, "/x:1"])} | some name in array.concat(_all(known.compared), known.others)]
	warnings := policy.warn with input as fixture.pod({"containers": names})
	warnings == set()
	registries := [{"image": concat("", [name, "/x/y:1"])} |
		some name in array.concat(_all(known.registries), known.otherRegistries)
	]
	violations := policy.deny with input as fixture.pod({"containers": registries})
	violations == set()
}

test_ephemeral_and_init_containers_and_volumes_are_looked_at if {
	violations := policy.deny with input as fixture.pod({
		"initContainers": [{"image": "ghrc.io/a:1"}],
		"ephemeralContainers": [{"image": "ghrc.io/b:1"}],
		"volumes": [{"name": "v", "image": {"reference": "ghrc.io/c:1"}}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/image",
		"/spec/ephemeralContainers/0/image",
		"/spec/volumes/0/image/reference",
	}
}
