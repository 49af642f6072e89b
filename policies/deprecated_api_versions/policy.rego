# METADATA
# title: Deprecated API versions
# description: |
#   A deprecated API version works until an upgrade of the cluster takes it away, and then for nobody at once. Changing
#   the manifest before is a change of one line in most kinds.
# custom:
#   severity: low
#   controls: []
#   docs: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
#   match:
#     kinds:
#       - apiGroups: [admissionregistration.k8s.io]
#         kinds:
#           - MutatingAdmissionPolicy
#           - MutatingAdmissionPolicyBinding
#           - MutatingWebhookConfiguration
#           - ValidatingAdmissionPolicy
#           - ValidatingAdmissionPolicyBinding
#           - ValidatingWebhookConfiguration
#       - apiGroups: [apiextensions.k8s.io]
#         kinds: [CustomResourceDefinition]
#       - apiGroups: [apiregistration.k8s.io]
#         kinds: [APIService]
#       - apiGroups: [apps]
#         kinds: [DaemonSet, Deployment, ReplicaSet, StatefulSet]
#       - apiGroups: [autoscaling]
#         kinds: [HorizontalPodAutoscaler]
#       - apiGroups: [batch]
#         kinds: [CronJob]
#       - apiGroups: [certificates.k8s.io]
#         kinds: [CertificateSigningRequest, ClusterTrustBundle]
#       - apiGroups: [extensions]
#         kinds: [DaemonSet, Deployment, Ingress, NetworkPolicy, PodSecurityPolicy, ReplicaSet]
#       - apiGroups: [flowcontrol.apiserver.k8s.io]
#         kinds: [FlowSchema, PriorityLevelConfiguration]
#       - apiGroups: [networking.k8s.io]
#         kinds: [Ingress, IngressClass, ServiceCIDR]
#       - apiGroups: [node.k8s.io]
#         kinds: [RuntimeClass]
#       - apiGroups: [policy]
#         kinds: [PodDisruptionBudget, PodSecurityPolicy]
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, ClusterRoleBinding, Role, RoleBinding]
#       - apiGroups: [resource.k8s.io]
#         kinds: [DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate]
#       - apiGroups: [scheduling.k8s.io]
#         kinds: [PriorityClass]
#       - apiGroups: [storage.k8s.io]
#         kinds: [CSIDriver, StorageClass, VolumeAttributesClass]
#       - apiGroups: [storagemigration.k8s.io]
#         kinds: [StorageVersionMigration]
#   parameters:
#     # The release that the cluster has, or will have next; in quotes, for 1.30 is the number 1.3.
#     kubernetesVersion: "1.37"
package lockkeeper.deprecated_api_versions

import data.lockkeeper.lib.api_version

warn contains violation if {
	api_version.is_deprecated
	violation := {
		"msg": sprintf("%s is deprecated since Kubernetes %s, and gone with %s at the latest", [
			api_version.label,
			api_version.deprecated,
			api_version.removed,
		]),
		"path": "/apiVersion",
		"details": api_version.details,
		"remedy": api_version.remedy,
	}
}
