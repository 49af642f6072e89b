# METADATA
# title: Public load balancers
# description: |
#   Most clouds give a Service of type LoadBalancer a public address unless an annotation says otherwise: an application
#   that was meant for colleagues is on the internet, without TLS and without the protection in front of the Ingress.
# custom:
#   severity: medium
#   controls: ["MITRE:T1133", "NIST:SP800-53:SC-7"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/#internal-load-balancer
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Service]
#   parameters:
#     # Annotations that make the address an internal one; `*` is every value.
#     internalAnnotations:
#       cloud.google.com/load-balancer-type: [Internal, internal]
#       networking.gke.io/load-balancer-type: [Internal, internal]
#       service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type: [intranet]
#       service.beta.kubernetes.io/aws-load-balancer-internal: ["true", "0.0.0.0/0"]
#       service.beta.kubernetes.io/aws-load-balancer-scheme: [internal]
#       service.beta.kubernetes.io/azure-load-balancer-internal: ["true"]
#       service.beta.kubernetes.io/oci-load-balancer-internal: ["true"]
#       service.beta.kubernetes.io/openstack-internal-load-balancer: ["true"]
#       service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type: [private]
#       service.kubernetes.io/qcloud-loadbalancer-internal-subnetid: ["*"]
#     # Load balancers that reach no further than the own network.
#     internalClasses: [tailscale]
package lockkeeper.service_load_balancer

warn contains violation if {
	spec := input.review.object.spec
	spec.type == "LoadBalancer"
	not _is_internal
	not _is_restricted(spec)
	violation := {
		"msg": "the load balancer takes connections from everywhere: nothing makes it internal or restricts who may connect",
		"path": "/spec/type",
		"details": {"type": "LoadBalancer"},
		"remedy": {"text": "make it internal with the annotation of your cloud, or list who may connect in loadBalancerSourceRanges"},
	}
}

_is_internal if {
	some key, values in _internal_annotations
	value := input.review.object.metadata.annotations[key]
	_has_value(values, value)
}

_is_internal if input.review.object.spec.loadBalancerClass in _internal_classes

_has_value(values, value) if value in values

_has_value(values, _) if "*" in values

_is_restricted(spec) if {
	ranges := spec.loadBalancerSourceRanges
	is_array(ranges)
	count(ranges) > 0
	not _includes_everybody(ranges)
}

_includes_everybody(ranges) if {
	some range in ranges
	endswith(range, "/0")
}

default _internal_annotations := {
	"cloud.google.com/load-balancer-type": ["Internal", "internal"],
	"networking.gke.io/load-balancer-type": ["Internal", "internal"],
	"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type": ["intranet"],
	"service.beta.kubernetes.io/aws-load-balancer-internal": ["true", "0.0.0.0/0"],
	"service.beta.kubernetes.io/aws-load-balancer-scheme": ["internal"],
	"service.beta.kubernetes.io/azure-load-balancer-internal": ["true"],
	"service.beta.kubernetes.io/oci-load-balancer-internal": ["true"],
	"service.beta.kubernetes.io/openstack-internal-load-balancer": ["true"],
	"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": ["private"],
	"service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": ["*"],
}

_internal_annotations := input.parameters.internalAnnotations

default _internal_classes := ["tailscale"]

_internal_classes := input.parameters.internalClasses
