# METADATA
# title: Image registries
# description: |
#   Who controls the registry controls what runs. Images come from the registries a team has chosen; a registry to which
#   everybody may push is none of them, and one that gets no more images keeps its old holes for ever.
# custom:
#   severity: high
#   controls: ["NIST:SP800-190:4.1.5"]
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   match:
#     workloads: true
#   parameters:
#     # Registries, or registries with the beginning of a path: ghcr.io/acme. Empty: every registry.
#     allowed: []
package lockkeeper.image_registry

import data.lockkeeper.lib.image

deny contains violation if {
	some pointer, found in image.images
	parts := image.parts(found.image)
	problem := _problem(parts)
	violation := {
		"msg": sprintf(`%s: image "%s" comes from %s, %s`, [image.label(found), found.image, parts.registry, problem]),
		"path": pointer,
		"details": image.details(found),
		"remedy": {"text": "copy the image into a registry of your own and take it from there"},
	}
}

warn contains violation if {
	some pointer, found in image.images
	parts := image.parts(found.image)
	retired := _retired(parts)
	violation := {
		"msg": sprintf(`%s: image "%s" comes from %s, which gets no more images since %s`, [
			image.label(found),
			found.image,
			retired.place,
			retired.since,
		]),
		"path": pointer,
		"details": image.details(found),
		"remedy": {"text": sprintf("take the image from %s", [retired.instead])},
	}
}

_problem(parts) := "where everybody may push under every name" if {
	data.lockkeeper.registries.anonymous[parts.registry]
} else := "which is not an allowed registry" if {
	count(_allowed) > 0
	not _is_allowed(parts)
}

_is_allowed(parts) if {
	name := concat("", [parts.registry, "/", parts.path, "/"])
	some allowed in _allowed
	startswith(name, concat("", [trim_right(allowed, "/"), "/"]))
}

# An entry for a registry, for the first component of a path in it, or for the first two.
_retired(parts) := entry if {
	components := split(parts.path, "/")
	some length in [0, 1, 2]
	place := concat("/", array.concat([parts.registry], array.slice(components, 0, length)))
	length <= count(components)
	found := data.lockkeeper.registries.retired[place]
	found.since <= _today
	entry := {"place": place, "since": found.since, "instead": found.instead}
}

_today := substring(input.now, 0, 10)

default _allowed := []

_allowed := input.parameters.allowed
