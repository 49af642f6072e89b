# METADATA
# title: CRD conversion webhooks
# description: |
#   A conversion webhook sees every object of its kind whenever one is read or written in another version, and may give
#   back something else. Outside the cluster it is a copy of that data; its certificate is all that vouches for it.
# custom:
#   severity: high
#   controls: []
#   docs: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
#   match:
#     kinds:
#       - apiGroups: [apiextensions.k8s.io]
#         kinds: [CustomResourceDefinition]
#   parameters:
#     allowedHosts: []
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: []
package lockkeeper.crd_conversion_webhook

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.address

deny contains violation if {
	host := address.host_of(_client.url)
	not host in input.parameters.allowedHosts
	not address.is_internal(host)
	violation := {
		"msg": sprintf("every object of %s is sent to %s for conversion, outside the cluster", [_kind, host]),
		"path": "/spec/conversion/webhook/clientConfig/url",
		"details": {"host": host},
		"remedy": {"text": "run the conversion webhook in the cluster and name it with clientConfig.service"},
	}
}

warn contains violation if {
	host := address.host_of(_client.url)
	not host in input.parameters.allowedHosts
	not address.is_loopback(host)
	address.is_internal(host)
	violation := {
		"msg": sprintf("every object of %s is sent to %s for conversion, which is no Service of the cluster", [_kind, host]),
		"path": "/spec/conversion/webhook/clientConfig/url",
		"details": {"host": host},
		"remedy": {"text": "run the conversion webhook in the cluster and name it with clientConfig.service"},
	}
}

# Operators change the certificate in caBundle themselves; only the server counts.
warn contains violation if {
	input.review.operation == "UPDATE"
	not actor.is_trusted
	server := _server(_client)
	server != _server(input.review.oldObject.spec.conversion.webhook.clientConfig)
	violation := {
		"msg": sprintf("%s hands the conversion of %s from one server to another", [actor.label, _kind]),
		"path": "/spec/conversion/webhook/clientConfig",
		"details": {"server": server},
		"remedy": {"text": "make the change in Git"},
	}
}

_client := input.review.object.spec.conversion.webhook.clientConfig if {
	input.review.object.spec.conversion.strategy == "Webhook"
}

_server(client) := client.url if is_string(client.url)

_server(client) := sprintf("%v/%v", [client.service.namespace, client.service.name]) if is_object(client.service)

default _kind := "the kind"

_kind := input.review.object.metadata.name if is_string(input.review.object.metadata.name)
