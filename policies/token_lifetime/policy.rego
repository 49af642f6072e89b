# METADATA
# title: Lifetime of projected tokens
# description: |
#   A projected service account token is renewed long before its end, so a long lifetime helps nobody but the one who has
#   copied it. Tokens for another audience are checked by systems that do not see that the pod is gone.
# custom:
#   severity: low
#   controls: ["MITRE:T1528"]
#   docs: https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
#   match:
#     workloads: true
#   parameters:
#     # One day: what cloud providers' workload identity asks for at most.
#     maxExpirationSeconds: 86400
package lockkeeper.token_lifetime

import data.lockkeeper.lib.workload

warn contains violation if {
	some pointer, spec in workload.pod_specs
	is_array(spec.volumes)
	some i, volume in spec.volumes
	is_array(volume.projected.sources)
	some j, source in volume.projected.sources
	seconds := source.serviceAccountToken.expirationSeconds
	is_number(seconds)
	seconds > _max_expiration_seconds
	place := ["/volumes/", format_int(i, 10), "/projected/sources/", format_int(j, 10), "/serviceAccountToken/expirationSeconds"]
	path := concat("", array.concat([pointer], place))
	violation := {
		"msg": sprintf(`volume "%s": the token is good for %v seconds, more than %v`, [
			workload.name(volume),
			seconds,
			_max_expiration_seconds,
		]),
		"path": path,
		"details": {"volume": workload.name(volume), "expirationSeconds": seconds},
		"remedy": {
			"text": "leave expirationSeconds out: an hour is the default, and the kubelet renews the token",
			"patch": [{"op": "remove", "path": path}],
		},
	}
}

default _max_expiration_seconds := 86400

_max_expiration_seconds := input.parameters.maxExpirationSeconds if is_number(input.parameters.maxExpirationSeconds)
