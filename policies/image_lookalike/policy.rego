# METADATA
# title: Look-alike images
# description: |
#   Names that differ from a well-known one in a letter, such as `ghrc.io` and `ngnix`, are registered by people who wait for
#   the typing error, collect the registry's credentials or serve a program of their own, and are overlooked in a review.
# custom:
#   severity: high
#   controls: ["MITRE:T1036.005", "MITRE:T1204.003", "NIST:SP800-190:4.1.5"]
#   docs: https://attack.mitre.org/techniques/T1204/003/
#   match:
#     workloads: true
#   parameters:
#     # Registries and owners that are near a well-known name by chance.
#     allowedNames: []
package lockkeeper.image_lookalike

import data.lockkeeper.lib.image

deny contains violation if {
	some registry in {parts.registry | some parts in _parts}
	original := _imitated_registry(registry)
	some pointer, found in image.images
	_parts[pointer].registry == registry
	violation := {
		"msg": sprintf(`%s: the registry of image "%s" is %s, which looks like %s and is another`, [
			image.label(found),
			found.image,
			registry,
			original,
		]),
		"path": pointer,
		"details": object.union(image.details(found), {"name": registry, "looksLike": original}),
		"remedy": {"text": sprintf("write %s, or list %s in allowedNames where it is meant", [original, registry])},
	}
}

warn contains violation if {
	some pointer, found in image.images
	name := _judged_name(_parts[pointer])
	original := _imitated_name(name)
	violation := {
		"msg": sprintf(`%s: %s in the image "%s" looks like %s and is another name`, [
			image.label(found),
			name,
			found.image,
			original,
		]),
		"path": pointer,
		"details": object.union(image.details(found), {"name": name, "looksLike": original}),
		"remedy": {"text": sprintf("write %s, or list %s in allowedNames where it is meant", [original, name])},
	}
}

_parts := {pointer: image.parts(found.image) | some pointer, found in image.images}

# --- Registries ------------------------------------------------------------------------------------------------------

_imitated_registry(registry) := original if {
	host := split(registry, ":")[0]
	contains(host, ".")
	not _is_known_registry(host)
	not _is_allowed(registry)
	original := _likenesses(host, _known.registries)[0]
}

_is_known_registry(host) if host in _known.registries[format_int(count(host), 10)]

_is_known_registry(host) if host in _known.otherRegistries

# --- Owners and official images of the registries that everybody may push to -----------------------------------------

_shared_registries := {"docker.io", "ghcr.io", "quay.io"}

# The owner, or the name of an image without an owner. centos7 is a centos.
_judged_name(parts) := name if {
	parts.registry in _shared_registries
	[first, second] := array.slice(split(parts.path, "/"), 0, 2)
	name := {true: second, false: first}[first == "library"]
	plain := trim_right(name, "0123456789")
	not _is_known_name(plain)
	not _is_allowed(name)
}

_is_known_name(name) if name in _known.compared[format_int(count(name), 10)]

_is_known_name(name) if name in _known.others

# `k8s-gcr/pause` on Docker Hub has nothing to do with k8s.gcr.io.
_imitated_name(name) := original if {
	original := _known.registryWords[concat("", split(concat("", split(name, "-")), "_"))]
} else := original if {
	count(name) >= 5
	original := _likenesses(name, _known.compared)[0]
} else := original if {
	core := trim_suffix(name, "io")
	core != name
	count(core) >= 5
	not _is_known_name(core)
	original := _likenesses(core, _known.compared)[0]
}

# --- Likeness --------------------------------------------------------------------------------------------------------

# A name may be near two of them: the shortest is named.
_likenesses(name, originals) := [original |
	some difference in [-1, 0, 1]
	some original in originals[format_int(count(name) + difference, 10)]
	_looks_like(name, original)
]

# One letter more, less or other, two neighbours swapped, or letters that look alike.
_looks_like(name, original) if {
	_may_look_like(name, original)
	_is_one_edit_away(name, original)
}

_looks_like(name, original) if {
	regex.match(`[0135]|rn|vv`, name)
	_folded(name) == original
}

# Either the first two or the last two letters are untouched by one edit of a name that is long enough: it rules out
# nearly all names without taking them apart.
_may_look_like(name, original) if {
	substring(name, 0, 2) == substring(original, 0, 2)
}

_may_look_like(name, original) if {
	endswith(name, substring(original, count(original) - 2, 2))
}

_is_one_edit_away(name, original) if {
	count(name) == count(original) + 1
	_without_one(name, original)
}

_is_one_edit_away(name, original) if {
	count(original) == count(name) + 1
	_without_one(original, name)
}

_is_one_edit_away(name, original) if {
	count(name) == count(original)
	letters := split(name, "")
	others := split(original, "")
	different := [i | some i, letter in letters; letter != others[i]]
	_is_one_change(letters, others, different)
}

_is_one_change(_, _, [_])

_is_one_change(letters, others, [i, j]) if {
	j == i + 1
	letters[i] == others[j]
	letters[j] == others[i]
}

# Leaving out one letter of `longer` gives `shorter`.
_without_one(longer, shorter) if {
	some i in numbers.range(0, count(shorter))
	startswith(shorter, substring(longer, 0, i))
	substring(shorter, i, -1) == substring(longer, i + 1, -1)
}

_folded(name) := replace(replace(digits_folded, "rn", "m"), "vv", "w") if {
	digits_folded := replace(replace(replace(replace(name, "0", "o"), "1", "l"), "3", "e"), "5", "s")
}

_known := data.lockkeeper.knownImages

_is_allowed(name) if name in _allowed_names

default _allowed_names := []

_allowed_names := input.parameters.allowedNames
