# METADATA
# title: Removed API versions
# description: |
#   The API server refuses a manifest whose API version it no longer has: a sync stops half done, often on the day after
#   an upgrade, and what was in the cluster stays as it was.
# custom:
#   severity: medium
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
package lockkeeper.removed_api_versions

import data.lockkeeper.lib.api_version

# A warning until somebody says which release the cluster has: an older one may serve the version still.
warn contains violation if {
	api_version.is_removed
	violation := {
		"msg": sprintf("%s is gone since Kubernetes %s: an API server of 1.%d refuses this object", [
			api_version.label,
			api_version.removed,
			api_version.target,
		]),
		"path": "/apiVersion",
		"details": api_version.details,
		"remedy": api_version.remedy,
	}
}
