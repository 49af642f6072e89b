# METADATA
# title: Image digests
# description: |
#   A tag such as `stable` or `16-alpine` is moved with every release, so two pods of one workload may run different
#   programs, and a publisher whose account is taken over changes what runs without a change in Git. A digest cannot move.
# custom:
#   severity: low
#   controls: ["NIST:SP800-190:4.2.2"]
#   docs: https://kubernetes.io/docs/concepts/containers/images/#image-names
#   match:
#     workloads: true
#   parameters:
#     # `movingTags`: tags that move by convention; `all`: every tag; `none`: nothing.
#     requiredFor: movingTags
#     # Registries, or registries with the beginning of a path, whose tags cannot be moved.
#     immutableRegistries: []
package lockkeeper.image_digest

import data.lockkeeper.lib.image

warn contains violation if {
	some pointer, found in image.images
	parts := image.parts(found.image)
	parts.digest == ""
	_is_required(parts.tag)
	not _is_immutable(parts)
	violation := {
		"msg": sprintf(`%s: image "%s" has no digest, and its tag can be moved to another program`, [
			image.label(found),
			found.image,
		]),
		"path": pointer,
		"details": image.details(found),
		"remedy": {"text": "name the digest behind the tag: name:1.2.3@sha256:…"},
	}
}

# image_tag speaks of images without a tag and of `latest`.
_is_required(tag) if {
	_required_for == "movingTags"
	tag != "latest"
	image.moves(tag)
}

_is_required(tag) if {
	_required_for == "all"
	not tag in {"", "latest"}
}

_is_immutable(parts) if {
	some registry in _immutable_registries
	startswith(concat("", [parts.registry, "/", parts.path, "/"]), concat("", [trim_right(registry, "/"), "/"]))
}

default _required_for := "movingTags"

_required_for := input.parameters.requiredFor

default _immutable_registries := []

_immutable_registries := input.parameters.immutableRegistries
