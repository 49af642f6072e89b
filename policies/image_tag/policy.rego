# METADATA
# title: Image tags
# description: |
#   An image without a tag, or with `latest`, is another program whenever its publisher pushes: nodes run different
#   versions, a rollback rolls nothing back, and nobody can say what was running.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-190:4.2.2"]
#   docs: https://kubernetes.io/docs/concepts/containers/images/#image-names
#   match:
#     workloads: true
#   parameters:
#     floatingTags: [latest]
#     # `auto` is what Istio's injection replaces in gateway pods.
#     exemptImages: [auto]
package lockkeeper.image_tag

import data.lockkeeper.lib.image
import data.lockkeeper.lib.image_reference

# An image volume runs nothing, but what it mounts changes in the same way.
warn contains violation if {
	some pointer, found in image.images
	not found.image in _exempt_images
	problem := _problem(found.image)
	violation := {
		"msg": sprintf(`%s: image "%s" %s`, [image.label(found), found.image, problem]),
		"path": pointer,
		"details": image.details(found),
		"remedy": {"text": "name a fixed version, best with its digest: name:1.2.3@sha256:…"},
	}
}

# What is wrong with an image reference; undefined where nothing is.
_problem(reference) := _invalidity(reference) if {
	not image_reference.is_valid(reference)
} else := "has no tag, so what is called latest on the day it is pulled runs" if {
	not contains(reference, "@")
	image_reference.tag(reference) == ""
} else := sprintf("has the tag %s, which is moved with every release", [tag]) if {
	not contains(reference, "@")
	tag := image_reference.tag(reference)
	tag in _floating_tags
}

_invalidity(reference) := "is not a valid image reference: its repository must be lower case" if {
	image_reference.is_valid(lower(reference))
} else := "is not a valid image reference"

default _floating_tags := ["latest"]

_floating_tags := input.parameters.floatingTags

default _exempt_images := ["auto"]

_exempt_images := input.parameters.exemptImages
