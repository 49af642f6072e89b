package lockkeeper.image_end_of_life_test

import data.lockkeeper.image_end_of_life as policy
import data.lockkeeper.lib.fixture

at(object, now) := json.patch(object, [{"op": "add", "path": "/now", "value": now}])

warned(image) := violations if {
	violations := policy.warn with input as at(fixture.container({"image": image}), "2026-06-01T12:00:00Z")
}

lines(image) := {concat(" ", [violation.details.product, violation.details.version]) | some violation in warned(image)}

test_a_version_line_without_fixes_is_a_warning if {
	warned("node:16.20.2") == {{
		"msg": `container "web": image "node:16.20.2" holds Node.js 16, which gets no fixes since 2023-09-11`,
		"path": "/spec/containers/0/image",
		"details": {
			"container": "web",
			"image": "node:16.20.2",
			"product": "nodejs",
			"version": "16",
			"endOfSupport": "2023-09-11",
		},
		"remedy": {"text": "move to a supported version: https://endoflife.date/nodejs"},
	}}
}

test_a_tag_names_these_lines[image] if {
	some image, wanted in {
		"node:16-buster-slim": {"nodejs 16", "debian 10"},
		"python:3.6": {"python 3.6"},
		"python:2": {"python 2"},
		"docker.io/library/php:7.4-fpm-alpine3.15": {"php 7.4", "alpine-linux 3.15"},
		"debian:buster": {"debian 10"},
		"ubuntu:18.04": {"ubuntu 18.04"},
		"ubuntu:bionic-20230301": {"ubuntu 18.04"},
		"centos:7.9.2009": {"centos 7"},
		"registry.k8s.io/kube-apiserver:v1.24.3": {"kubernetes 1.24"},
		"eclipse-temurin:19.0.2_7-jre": {"eclipse-temurin 19"},
		"registry.example.com/mirror/library/redis:5.0.6": {"redis 5.0"},
		"bitnami/postgresql:11.7.0-debian-10-r9": {"postgresql 11"},
		"golang:1.15": {"go 1.15"},
		"registry.example.com/shop/web:1.0-buster": {"debian 10"},
	}
	lines(image) == wanted
}

test_these_are_supported_or_not_known[image] if {
	some image in [
		"node:24.1.0", "python:3.13-slim", "debian:bookworm-slim", "node", "node:latest", "node:lts", "node@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"shop/node:16", "registry.example.com/node:16", "ghcr.io/acme/python:3.6", "nginx:999.1", "eclipse-temurin:8u412-b08-jre", "python:3", "x:",
	]
	warned(image) == set()
}

test_the_last_day_is_still_supported if {
	last := policy.warn with input as at(fixture.container({"image": "node:16"}), "2023-09-11T23:59:59Z")
	last == set()
	after := policy.warn with input as at(fixture.container({"image": "node:16"}), "2023-09-12T00:00:00Z")
	count(after) == 1
}

test_parameters_ignore_products if {
	object := fixture.with_parameters(at(fixture.container({"image": "node:16-buster"}), "2026-06-01T12:00:00Z"), {"ignoredProducts": ["nodejs"]})
	violations := policy.warn with input as object
	{violation.details.product | some violation in violations} == {"debian"}
}

test_every_repository_and_suite_has_its_release if {
	releases := data.lockkeeper.releases
	{product | some product in releases.repositories; not releases.releases[product]} == set()
	{suite | some suite, entry in releases.suites; not releases.releases[entry.product].endOfSupport[entry.version]} == set()
}

test_ephemeral_and_init_containers_and_volumes_are_looked_at if {
	violations := policy.warn with input as at(
		fixture.pod({
			"initContainers": [{"image": "alpine:3.10"}],
			"ephemeralContainers": [{"image": "debian:9"}],
			"volumes": [{"name": "v", "image": {"reference": "fedora:30"}}],
		}),
		"2026-06-01T12:00:00Z",
	)
	fixture.paths(violations) == {
		"/spec/initContainers/0/image",
		"/spec/ephemeralContainers/0/image",
		"/spec/volumes/0/image/reference",
	}
}
