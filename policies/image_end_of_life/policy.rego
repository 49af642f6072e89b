# METADATA
# title: End-of-life images
# description: |
#   A version line that its maintainers have given up gets no fixes: every hole found from then on stays open, and what
#   scanners report of it cannot be repaired by pulling a newer patch. The figures are those of endoflife.date.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-190:4.1.1", "NIST:SP800-53:SA-22"]
#   docs: https://endoflife.date
#   match:
#     workloads: true
#   parameters:
#     # Products as endoflife.date names them, for which somebody else supplies the fixes.
#     ignoredProducts: []
package lockkeeper.image_end_of_life

import data.lockkeeper.lib.image

warn contains violation if {
	some pointer, found in image.images
	parts := image.parts(found.image)
	some release in _releases(parts)
	not release.product in _ignored_products
	product := data.lockkeeper.releases.releases[release.product]
	ended := product.endOfSupport[release.version]
	ended < _today
	violation := {
		"msg": sprintf(`%s: image "%s" holds %s %s, which gets no fixes since %s`, [
			image.label(found),
			found.image,
			product.title,
			release.version,
			ended,
		]),
		"path": pointer,
		"details": object.union(image.details(found), {
			"product": release.product,
			"version": release.version,
			"endOfSupport": ended,
		}),
		"remedy": {"text": sprintf("move to a supported version: https://endoflife.date/%s", [release.product])},
	}
}

# What a tag says of the program, and of the distribution below it: node:16-buster holds Node.js 16 and Debian 10.
_releases(parts) := array.concat(_program(parts), _suites(parts.tag))

_program(parts) := [{"product": product, "version": version} |
	product := data.lockkeeper.releases.repositories[_repository(parts)]
	version := _version(product, parts.tag)
]

_suites(tag) := [data.lockkeeper.releases.suites[word] |
	some word in split(tag, "-")
	data.lockkeeper.releases.suites[word]
]

# Mirrors keep the path of Docker's official images: registry.example.com/docker/library/node.
_repository(parts) := concat("", ["docker.io/library/", name]) if {
	some [_, name] in [split(concat("", ["/", parts.path]), "/library/")]
} else := concat("", [parts.registry, "/", parts.path])

# The longest version line of the product that the tag begins with: 1.27.3-alpine is of 1.27, 16-buster of 16, 8u412 of 8.
_version(product, tag) := versions[0] if {
	head := split(split(split(split(tag, "-")[0], "_")[0], "+")[0], "u")[0]
	numbers := split(trim_left(head, "v"), ".")
	lines := data.lockkeeper.releases.releases[product].endOfSupport
	versions := [version |
		some length in [3, 2, 1]
		length <= count(numbers)
		version := concat(".", array.slice(numbers, 0, length))
		lines[version]
	]
}

_today := substring(input.now, 0, 10)

default _ignored_products := []

_ignored_products := input.parameters.ignoredProducts
