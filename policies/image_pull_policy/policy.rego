# METADATA
# title: Image pull policies
# description: |
#   With `Never` a node starts whatever it holds under the name, which anybody who may load images there decides, and asks
#   for no credentials; `IfNotPresent` with a tag that moves lets nodes run different programs under one name.
# custom:
#   severity: low
#   controls: []
#   docs: https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
#   match:
#     workloads: true
#   parameters:
#     # Registries whose images are loaded into the nodes on purpose, or registries with the beginning of a path.
#     preloaded: [localhost]
#     # `auto` is what Istio's injection replaces in gateway pods.
#     exemptImages: [auto]
package lockkeeper.image_pull_policy

import data.lockkeeper.lib.image
import data.lockkeeper.lib.image_reference

warn contains violation if {
	some pointer, found in image.images
	not found.image in _exempt_images
	policy := _pull_policy(found)
	problem := _problem(policy, found.image)
	path := concat("", [trim_suffix(trim_suffix(pointer, "/image"), "/reference"), "/", _field(found)])
	violation := {
		"msg": sprintf(`%s: %s is %s: %s`, [image.label(found), _field(found), policy, problem.text]),
		"path": path,
		"details": object.union(image.details(found), {"pullPolicy": policy}),
		"remedy": {"text": problem.remedy, "patch": [{"op": "replace", "path": path, "value": problem.value}]},
	}
}

# An absent policy is IfNotPresent for a fixed tag and Always for `latest`, which are both right.
_pull_policy(found) := found.container.container.imagePullPolicy

_pull_policy(found) := found.volume.image.pullPolicy

_field(found) := "imagePullPolicy" if found.container

_field(found) := "pullPolicy" if found.volume

_problem("Never", reference) := {
	"text": "the node's own image of that name is started, whoever put it there",
	"remedy": "take the image from a registry",
	"value": "IfNotPresent",
} if {
	not _is_preloaded(reference)
	not _moves(reference)
}

_problem("Never", reference) := {
	"text": "the node's own image of that name is started, whoever put it there",
	"remedy": "take the image from a registry",
	"value": "Always",
} if {
	not _is_preloaded(reference)
	_moves(reference)
}

_problem("IfNotPresent", reference) := {
	"text": "the tag moves, so each node runs what it pulled first",
	"remedy": "name a fixed version, or pull always",
	"value": "Always",
} if {
	_moves(reference)
}

# What is no reference gets IfNotPresent from the API server, whatever comes of it: image_tag says what is wrong with it.
_moves(reference) if {
	not contains(reference, "@")
	image_reference.is_valid(reference)
	tag := image.parts(reference).tag
	_is_floating(tag)
}

_is_floating("")

_is_floating("latest")

_is_preloaded(reference) if {
	parts := image.parts(reference)
	some registry in _preloaded
	startswith(concat("", [parts.registry, "/", parts.path, "/"]), concat("", [trim_right(registry, "/"), "/"]))
}

default _preloaded := ["localhost"]

_preloaded := input.parameters.preloaded

default _exempt_images := ["auto"]

_exempt_images := input.parameters.exemptImages
