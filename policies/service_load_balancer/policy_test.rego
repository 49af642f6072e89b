package lockkeeper.service_load_balancer_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.service_load_balancer as policy

service(annotations, spec) := fixture.create({
	"apiVersion": "v1",
	"kind": "Service",
	"metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
	"spec": object.union({"type": "LoadBalancer", "ports": [{"port": 443}]}, spec),
})

test_a_public_load_balancer_is_a_warning if {
	warnings := policy.warn with input as service({}, {})
	warnings == {{
		"msg": "the load balancer takes connections from everywhere: nothing makes it internal or restricts who may connect",
		"path": "/spec/type",
		"details": {"type": "LoadBalancer"},
		"remedy": {"text": "make it internal with the annotation of your cloud, or list who may connect in loadBalancerSourceRanges"},
	}}
}

test_the_annotations_of_the_clouds_make_it_internal[key] if {
	some key, value in {
		"networking.gke.io/load-balancer-type": "Internal",
		"cloud.google.com/load-balancer-type": "Internal",
		"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
		"service.beta.kubernetes.io/aws-load-balancer-internal": "true",
		"service.beta.kubernetes.io/azure-load-balancer-internal": "true",
		"service.beta.kubernetes.io/oci-load-balancer-internal": "true",
		"service.beta.kubernetes.io/openstack-internal-load-balancer": "true",
		"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": "private",
		"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type": "intranet",
		"service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": "subnet-1234",
	}
	warnings := policy.warn with input as service({key: value}, {})
	warnings == set()
}

test_annotations_that_say_public_do_not if {
	every annotations in [
		{"service.beta.kubernetes.io/azure-load-balancer-internal": "false"},
		{"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"},
		{"networking.gke.io/load-balancer-type": "External"},
		null,
	] {
		warnings := policy.warn with input as service(annotations, {})
		count(warnings) == 1
	}
}

test_source_ranges_restrict_it if {
	warnings := policy.warn with input as service({}, {"loadBalancerSourceRanges": ["10.0.0.0/8", "203.0.113.0/24"]})
	warnings == set()
}

test_source_ranges_that_include_everybody_do_not if {
	every ranges in [[], null, ["10.0.0.0/8", "0.0.0.0/0"], ["::/0"]] {
		warnings := policy.warn with input as service({}, {"loadBalancerSourceRanges": ranges})
		count(warnings) == 1
	}
}

test_a_load_balancer_of_the_own_network_is_allowed if {
	warnings := policy.warn with input as service({}, {"loadBalancerClass": "tailscale"})
	warnings == set()
}

test_other_types_are_allowed if {
	every kind in ["ClusterIP", "NodePort", null] {
		warnings := policy.warn with input as service({}, {"type": kind})
		warnings == set()
	}
}

test_parameters_name_other_annotations_and_classes if {
	parameters := {"internalAnnotations": {"lb.example.com/scope": ["office"]}, "internalClasses": ["example.com/office"]}
	by_annotation := policy.warn with input as fixture.with_parameters(service({"lb.example.com/scope": "office"}, {}), parameters)
	by_annotation == set()
	by_class := policy.warn with input as fixture.with_parameters(service({}, {"loadBalancerClass": "example.com/office"}), parameters)
	by_class == set()
	no_longer := policy.warn with input as fixture.with_parameters(service({"networking.gke.io/load-balancer-type": "Internal"}, {}), parameters)
	count(no_longer) == 1
}

test_a_deleted_Service_is_not_judged if {
	violations := policy.warn with input as fixture.delete({
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"type": "LoadBalancer"},
	})
	violations == set()
}
