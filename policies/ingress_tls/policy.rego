# METADATA
# title: Hosts without TLS
# description: |
#   Without TLS everybody on the way reads passwords and cookies and changes what is sent. An Ingress whose `tls` leaves out
#   one of its hosts serves that host in plain text, or with a certificate that browsers refuse.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:SC-8"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/ingress/#tls
#   match:
#     kinds:
#       - apiGroups: [networking.k8s.io, extensions]
#         kinds: [Ingress]
#       - apiGroups: [gateway.networking.k8s.io]
#         kinds: [Gateway]
#   parameters:
#     # Annotations by which a load balancer in front of the cluster has its certificate.
#     tlsAnnotations:
#       - alb.ingress.kubernetes.io/certificate-arn
#       - ingress.gcp.kubernetes.io/pre-shared-cert
#       - networking.gke.io/managed-certificates
package lockkeeper.ingress_tls

import data.lockkeeper.lib.hosts

warn contains violation if {
	not _has_certificate_elsewhere
	some path, host in hosts.of(input.review.object)
	not _is_covered(host)
	violation := {
		"msg": sprintf("%s is served without TLS", [hosts.label(host)]),
		"path": path,
		"details": {"host": host},
		"remedy": {"text": "add the host to spec.tls, with the Secret of its certificate"},
	}
}

# A listener for HTTP beside one for HTTPS is what redirects.
warn contains violation if {
	listeners := input.review.object.spec.listeners
	is_array(listeners)
	not _has_tls(listeners)
	some i, listener in listeners
	listener.protocol == "HTTP"
	violation := {
		"msg": sprintf(`listener "%v" takes HTTP, and no listener of the Gateway takes HTTPS`, [object.get(listener, "name", "")]),
		"path": concat("", ["/spec/listeners/", format_int(i, 10), "/protocol"]),
		"details": {"listener": object.get(listener, "name", "")},
		"remedy": {"text": "add a listener for HTTPS with its certificate, and let this one redirect"},
	}
}

_has_tls(listeners) if {
	some listener in listeners
	listener.protocol in {"HTTPS", "TLS"}
}

_has_certificate_elsewhere if {
	some key in _tls_annotations
	input.review.object.metadata.annotations[key] != ""
}

# Without hosts an entry of `tls` is for all of them.
_is_covered(_) if {
	some entry in input.review.object.spec.tls
	object.get(entry, "hosts", []) in [[], null]
}

_is_covered(host) if {
	some entry in input.review.object.spec.tls
	some pattern in entry.hosts
	hosts.covers(pattern, host)
}

default _tls_annotations := [
	"alb.ingress.kubernetes.io/certificate-arn",
	"ingress.gcp.kubernetes.io/pre-shared-cert",
	"networking.gke.io/managed-certificates",
]

_tls_annotations := input.parameters.tlsAnnotations
