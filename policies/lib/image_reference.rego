# METADATA
# title: Image references
# description: |
#   Whether a text is an image reference. The API server takes any text, and fills in the pull policy of what is none as if
#   it had no tag.
package lockkeeper.lib.image_reference

import data.lockkeeper.lib.image

# The grammar of github.com/distribution/reference 0.6, without its limits on length: RE2 would unroll them.
is_valid(reference) if _is_plain(reference)

is_valid(reference) if {
	not _is_plain(reference)
	regex.match(_reference_pattern, reference)
	count(tag(reference)) <= 128
	_digest_has_its_length(reference)
	not _is_image_id(reference)
}

# Nearly every image is of this simpler form, which is told by searches alone: the expression of the whole grammar would
# be compiled for each evaluation.
_is_plain(reference) if {
	_all_look_plain
	not contains(reference, "\n")
	parts := split(reference, "@")
	_is_plain_digest(parts)
	_is_plain_name(split(parts[0], ":"))
	count(reference) != 64
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
	some reference in _images
	[_, digits] := split(reference, "@sha256:")
]

# A list: a set would hash and order them.
_images := [found.image | some found in image.images]

_reference_pattern := concat("", [
	`^(?:`, _host, `(?::[0-9]+)?/)?`, _path_component, `(?:/`, _path_component, `)*`,
	`(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha(?:256|384|512):[a-f0-9]+)?$`,
])

_host := `(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[a-fA-F0-9:]+\])`

_path_component := `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`

_digest_has_its_length(reference) if not contains(reference, "@")

_digest_has_its_length(reference) if {
	[algorithm, digits] := split(split(reference, "@")[1], ":")
	count(digits) == {"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
}

# 64 hexadecimal digits would be taken for the id of a local image.
_is_image_id(reference) if {
	count(reference) == 64
	regex.match(`^[a-f0-9]{64}$`, reference)
}

# A colon before the last slash belongs to the registry's port.
tag(reference) := substring(last, colon + 1, -1) if {
	last := _last_component(reference)
	colon := indexof(last, ":")
	colon >= 0
}

tag(reference) := "" if indexof(_last_component(reference), ":") < 0

_last_component(reference) := component if {
	components := split(split(reference, "@")[0], "/")
	component := components[count(components) - 1]
}
