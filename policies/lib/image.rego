# METADATA
# title: Images
# description: |
#   The image references inside the object under review, of containers of all three lists and of image volumes, and what
#   they name: registry, repository, tag and digest.
package lockkeeper.lib.image

import data.lockkeeper.lib.workload

# images[pointer] is {"image": the reference} and, by what it is for, "container" (as in workload.containers) or "volume".
images[path] := {"image": image, "container": entry} if {
	some pointer, entry in workload.containers
	image := entry.container.image
	is_string(image)
	image != ""
	path := concat("", [pointer, "/image"])
}

images[path] := {"image": image, "volume": volume} if {
	some pointer, spec in workload.pod_specs
	is_array(spec.volumes)
	some i, volume in spec.volumes
	image := volume.image.reference
	is_string(image)
	image != ""
	path := concat("", [pointer, "/volumes/", format_int(i, 10), "/image/reference"])
}

# How messages call what an image is for; a call to the host, so only for what is reported.
label(found) := workload.label(found.container)

label(found) := sprintf(`volume "%s"`, [workload.name(found.volume)])

# What the details of a violation say of an image.
details(found) := {"container": workload.name(found.container.container), "image": found.image}

details(found) := {"volume": workload.name(found.volume), "image": found.image}

# The parts of a reference: `registry` (docker.io where none is named), `path` (library/… for Docker's own images), `tag`
# and `digest` ("" where there is none). References that break the grammar have parts as well: image_tag denies them.
parts(image) := {"registry": registry, "path": path, "tag": tag, "digest": digest} if {
	[name, digest] := _cut(image, "@")
	host := _host(name)
	[bare_path, tag] := _cut(trim_prefix(substring(name, count(host), -1), "/"), ":")
	[registry, path] := _place(host, bare_path)
}

# A tag that its publisher moves by convention: a name, or the first number of a version.
moves("latest")

moves(tag) if {
	tag != ""
	not regex.match(`[0-9]`, tag)
}

moves(tag) if {
	head := trim_left(split(tag, "-")[0], "v")
	count(head) in {1, 2}
	not regex.match(`[^0-9]`, head)
	not _has_second_number(tag)
}

# 2-5.1 names one version, 16-alpine3.20 any of 16.
_has_second_number(tag) if regex.match(`-v?[0-9]`, tag)

# The text before and after the first separator; "" where there is none.
_cut(text, separator) := [text, ""] if not contains(text, separator)

_cut(text, separator) := [substring(text, 0, at), substring(text, at + count(separator), -1)] if {
	at := indexof(text, separator)
	at >= 0
}

# The registry as it is written. A first component without a dot or a port is the beginning of a path, unless it has what
# no path has: upper case.
_host(name) := first if {
	contains(name, "/")
	first := split(name, "/")[0]
	_is_host(first)
} else := ""

_is_host(component) if contains(component, ".")

_is_host(component) if contains(component, ":")

_is_host("localhost")

_is_host(component) if component != lower(component)

_hub := {"", "docker.io", "index.docker.io", "registry-1.docker.io"}

_place(host, path) := [host, path] if not host in _hub

_place(host, path) := ["docker.io", path] if {
	host in _hub
	contains(path, "/")
}

_place(host, path) := ["docker.io", concat("", ["library/", path])] if {
	host in _hub
	not contains(path, "/")
}
