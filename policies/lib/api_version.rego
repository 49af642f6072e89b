# METADATA
# title: API versions
# description: |
#   What the table of API versions says of the object under review, for the release of Kubernetes that the parameter
#   `kubernetesVersion` names.
package lockkeeper.lib.api_version

import data.lockkeeper.api_versions

# Of an object that the target no longer serves.
is_removed if _minor(_row.removed) <= target

# Of an object that the target still serves, for some releases more.
is_deprecated if {
	_minor(_row.deprecated) <= target
	not is_removed
}

# How messages begin: the version, and the kind it is of.
label := sprintf("%s of %s", [_api_version, input.review.object.kind])

deprecated := _row.deprecated

removed := _row.removed

# What a finding tells programs.
details := {"apiVersion": _api_version, "replacement": _replacement, "removed": removed}

# The advice; the patch is there only where the version is all that changes.
remedy := {"text": _text, "patch": [{"op": "replace", "path": "/apiVersion", "value": _row.replacement}]} if {
	_is_served(_row)
	_is_patchable
} else := {"text": _text}

# The minor version of the target: "1.30", "v1.30.4" and "1.30+" are 30. What cannot be read is the newest one known.
target := minor if {
	parts := split(trim_suffix(trim_prefix(input.parameters.kubernetesVersion, "v"), "+"), ".")
	parts[0] == "1"
	minor := to_number(parts[1])
} else := _minor(api_versions.newest)

_row := api_versions.kinds[_api_version][input.review.object.kind]

# A webhook may be given the object in another version than the one that was asked for.
default _is_converted := false

_is_converted if input.review.requestKind != input.review.kind

_api_version := input.review.object.apiVersion if not _is_converted

_api_version := concat("/", [input.review.requestKind.group, input.review.requestKind.version]) if _is_converted

default _replacement := null

_replacement := _row.replacement

_text := _row.instead if {
	_row.instead
} else := sprintf("set apiVersion to %s, which Kubernetes has since %s: wait with it until the cluster has, too", [
	_row.replacement,
	_row.since,
]) if {
	not _is_served(_row)
} else := sprintf("set apiVersion to %s, and mind: %s", [_row.replacement, _row.change]) if {
	_row.change
} else := sprintf("set apiVersion to %s", [_row.replacement])

_is_served(row) if _minor(row.since) <= target

_is_patchable if {
	not _is_converted
	_row.patch == "always"
}

_is_patchable if {
	not _is_converted
	_row.patch == "with a selector"
	some field in ["matchExpressions", "matchLabels"]
	count(input.review.object.spec.selector[field]) > 0
}

_minor(version) := to_number(split(version, ".")[1])
