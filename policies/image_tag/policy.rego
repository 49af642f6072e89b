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

import data.lockkeeper.lib.workload

deny contains violation if {
	some pointer, entry in workload.containers
	image := entry.container.image
	problem := _problem(image)
	violation := {
		"msg": sprintf(`%s: image "%s" %s`, [workload.label(entry), image, problem]),
		"path": concat("", [pointer, "/image"]),
		"details": {"container": workload.name(entry.container), "image": image},
		"remedy": {"text": _remedy},
	}
}

# An image volume runs nothing, but what it mounts changes in the same way.
deny contains violation if {
	some pointer, spec in workload.pod_specs
	is_array(spec.volumes)
	some i, volume in spec.volumes
	image := volume.image.reference
	problem := _problem(image)
	violation := {
		"msg": sprintf(`volume "%s": image "%s" %s`, [workload.name(volume), image, problem]),
		"path": concat("", [pointer, "/volumes/", format_int(i, 10), "/image/reference"]),
		"details": {"volume": workload.name(volume), "image": image},
		"remedy": {"text": _remedy},
	}
}

_remedy := "name a fixed version, best with its digest: name:1.2.3@sha256:…"

# What is wrong with an image reference; undefined where nothing is. An empty one is filled in later, by whoever left it
# empty.
_problem(image) := problem if {
	is_string(image)
	image != ""
	not image in _exempt_images
	problem := _reference_problem(image)
}

_reference_problem(image) := _invalidity(image) if {
	not _is_reference(image)
} else := "has no tag, so what is called latest on the day it is pulled runs" if {
	not contains(image, "@")
	_tag(image) == ""
} else := sprintf("has the tag %s, which is moved with every release", [tag]) if {
	not contains(image, "@")
	tag := _tag(image)
	tag in _floating_tags
}

_invalidity(image) := "is not a valid image reference: its repository must be lower case" if {
	_is_reference(lower(image))
} else := "is not a valid image reference"

# A colon before the last slash belongs to the registry's port.
_tag(image) := substring(last, colon + 1, -1) if {
	last := _last_component(image)
	colon := indexof(last, ":")
	colon >= 0
}

_tag(image) := "" if indexof(_last_component(image), ":") < 0

_last_component(image) := component if {
	components := split(split(image, "@")[0], "/")
	component := components[count(components) - 1]
}

# The grammar of github.com/distribution/reference 0.6, without its limits on length: RE2 would unroll them.
_is_reference(image) if _is_plain(image)

_is_reference(image) if {
	not _is_plain(image)
	regex.match(_reference_pattern, image)
	count(_tag(image)) <= 128
	_digest_has_its_length(image)
	not _is_image_id(image)
}

# Nearly every image is of this simpler form, which is told by searches alone: the expression of the whole grammar would
# be compiled for each evaluation.
_is_plain(image) if {
	_all_look_plain
	not contains(image, "\n")
	parts := split(image, "@")
	_is_plain_digest(parts)
	_is_plain_name(split(parts[0], ":"))
	count(image) != 64
}

_is_plain_name([_])

_is_plain_name([_, tag]) if {
	not contains(tag, "/")
	count(tag) <= 128
}

_is_plain_name([host, path]) if {
	not contains(host, "/")
	contains(path, "/")
	not regex.match(`[^0-9]`, split(path, "/")[0])
}

_is_plain_digest([_])

_is_plain_digest([_, digest]) if {
	startswith(digest, "sha256:")
	count(digest) == 71
}

# For all images at once: lower case, letters or digits around every separator, and digests of hexadecimal digits.
_all_look_plain if {
	not regex.match(
		`[^a-z0-9./:@\n-]|[./:@-][./:@-]|[./:@-]\n|\n[./:@-]`,
		concat("", ["\n", concat("\n", _images), "\n"]),
	)
	not regex.match(`[^a-f0-9]`, concat("", _digests))
}

_digests := [digits |
	some image in _images
	[_, digits] := split(image, "@sha256:")
]

# Lists: a set would hash and order them.
_images := array.concat(
	[image |
		some entry in workload.containers
		image := entry.container.image
		is_string(image)
	],
	[image |
		some spec in workload.pod_specs
		some volume in spec.volumes
		image := volume.image.reference
		is_string(image)
	],
)

_reference_pattern := concat("", [
	`^(?:`, _host, `(?::[0-9]+)?/)?`, _path_component, `(?:/`, _path_component, `)*`,
	`(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha(?:256|384|512):[a-f0-9]+)?$`,
])

_host := `(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[a-fA-F0-9:]+\])`

_path_component := `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`

_digest_has_its_length(image) if not contains(image, "@")

_digest_has_its_length(image) if {
	[algorithm, digits] := split(split(image, "@")[1], ":")
	count(digits) == {"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
}

# 64 hexadecimal digits would be taken for the id of a local image.
_is_image_id(image) if {
	count(image) == 64
	regex.match(`^[a-f0-9]{64}$`, image)
}

default _floating_tags := ["latest"]

_floating_tags := input.parameters.floatingTags

default _exempt_images := ["auto"]

_exempt_images := input.parameters.exemptImages
