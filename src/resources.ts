/** Where objects of a kind live; `unknown` for kinds that are not in the table. */
export type ResourceScope = 'Namespaced' | 'Cluster' | 'unknown'

export interface KindResource {
  /** The plural of REST paths and RBAC rules. */
  readonly resource: string
  readonly scope: ResourceScope
}

interface GroupKinds {
  readonly namespaced?: string
  readonly cluster?: string
}

/** Kinds by API group and scope, separated by spaces; `Kind=plural` where guessing the plural goes wrong. */
const KINDS: Readonly<Record<string, GroupKinds>> = {
  '': {
    namespaced:
      'Binding ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController ' +
      'ResourceQuota Secret Service ServiceAccount',
    cluster: 'ComponentStatus Namespace Node PersistentVolume',
  },
  'admissionregistration.k8s.io': {
    cluster:
      'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration ValidatingAdmissionPolicy ' +
      'ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration',
  },
  'apiextensions.k8s.io': { cluster: 'CustomResourceDefinition' },
  'apiregistration.k8s.io': { cluster: 'APIService' },
  apps: { namespaced: 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet' },
  'authentication.k8s.io': { cluster: 'SelfSubjectReview TokenReview' },
  'authorization.k8s.io': {
    namespaced: 'LocalSubjectAccessReview',
    cluster: 'SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview',
  },
  autoscaling: { namespaced: 'HorizontalPodAutoscaler' },
  batch: { namespaced: 'CronJob Job' },
  'certificates.k8s.io': {
    namespaced: 'PodCertificateRequest',
    cluster: 'CertificateSigningRequest ClusterTrustBundle',
  },
  'coordination.k8s.io': { namespaced: 'Lease LeaseCandidate' },
  'discovery.k8s.io': { namespaced: 'EndpointSlice' },
  'events.k8s.io': { namespaced: 'Event' },
  extensions: {
    namespaced: 'DaemonSet Deployment Ingress NetworkPolicy ReplicaSet',
    cluster: 'PodSecurityPolicy',
  },
  'flowcontrol.apiserver.k8s.io': { cluster: 'FlowSchema PriorityLevelConfiguration' },
  'internal.apiserver.k8s.io': { cluster: 'StorageVersion' },
  'metrics.k8s.io': { namespaced: 'PodMetrics=pods', cluster: 'NodeMetrics=nodes' },
  'networking.k8s.io': { namespaced: 'Ingress NetworkPolicy', cluster: 'IPAddress IngressClass ServiceCIDR' },
  'node.k8s.io': { cluster: 'RuntimeClass' },
  policy: { namespaced: 'PodDisruptionBudget', cluster: 'PodSecurityPolicy' },
  'rbac.authorization.k8s.io': { namespaced: 'Role RoleBinding', cluster: 'ClusterRole ClusterRoleBinding' },
  'resource.k8s.io': {
    namespaced: 'ResourceClaim ResourceClaimTemplate',
    cluster: 'DeviceClass DeviceTaintRule ResourceSlice',
  },
  'scheduling.k8s.io': { namespaced: 'PodGroup Workload', cluster: 'PriorityClass' },
  'storage.k8s.io': {
    namespaced: 'CSIStorageCapacity',
    cluster: 'CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass',
  },
  'storagemigration.k8s.io': { cluster: 'StorageVersionMigration' },

  'lockkeeper.dev': { namespaced: 'Approval ArtifactGate Hold' },

  // Argo CD, Rollouts, Workflows and Events
  'argoproj.io': {
    namespaced:
      'AnalysisRun AnalysisTemplate AppProject Application ApplicationSet CronWorkflow EventBus=eventbus EventSource ' +
      'Experiment Rollout Sensor Workflow WorkflowArtifactGCTask WorkflowEventBinding WorkflowTaskResult ' +
      'WorkflowTaskSet WorkflowTemplate',
    cluster: 'ClusterAnalysisTemplate ClusterWorkflowTemplate',
  },
  // Flux
  'helm.toolkit.fluxcd.io': { namespaced: 'HelmRelease' },
  'image.toolkit.fluxcd.io': { namespaced: 'ImagePolicy ImageRepository ImageUpdateAutomation' },
  'kustomize.toolkit.fluxcd.io': { namespaced: 'Kustomization' },
  'notification.toolkit.fluxcd.io': { namespaced: 'Alert Provider Receiver' },
  'source.extensions.fluxcd.io': { namespaced: 'ArtifactGenerator' },
  'source.toolkit.fluxcd.io': {
    namespaced: 'Bucket ExternalArtifact GitRepository HelmChart HelmRepository OCIRepository',
  },
  // Gateway API
  'gateway.networking.k8s.io': {
    namespaced:
      'BackendTLSPolicy GRPCRoute Gateway=gateways HTTPRoute ListenerSet ReferenceGrant TCPRoute TLSRoute UDPRoute',
    cluster: 'GatewayClass',
  },
  // Knative Serving
  'serving.knative.dev': { namespaced: 'Configuration DomainMapping Revision Route Service' },
  // cert-manager
  'acme.cert-manager.io': { namespaced: 'Challenge Order' },
  'cert-manager.io': { namespaced: 'Certificate CertificateRequest Issuer', cluster: 'ClusterIssuer' },
  'trust.cert-manager.io': { cluster: 'Bundle' },
  // Gatekeeper; the kinds of constraints.gatekeeper.sh are the users' own
  'config.gatekeeper.sh': { namespaced: 'Config' },
  'expansion.gatekeeper.sh': { cluster: 'ExpansionTemplate=expansiontemplate' },
  'externaldata.gatekeeper.sh': { cluster: 'Provider' },
  'mutations.gatekeeper.sh': {
    cluster: 'Assign=assign AssignImage=assignimage AssignMetadata=assignmetadata ModifySet=modifyset',
  },
  'templates.gatekeeper.sh': { cluster: 'ConstraintTemplate' },
  // Kyverno and policy reports
  'kyverno.io': {
    namespaced: 'CleanupPolicy Policy PolicyException UpdateRequest',
    cluster: 'ClusterCleanupPolicy ClusterPolicy GlobalContextEntry',
  },
  'policies.kyverno.io': {
    namespaced:
      'NamespacedDeletingPolicy NamespacedGeneratingPolicy NamespacedImageValidatingPolicy NamespacedMutatingPolicy ' +
      'NamespacedValidatingPolicy PolicyException',
    cluster: 'DeletingPolicy GeneratingPolicy ImageValidatingPolicy MutatingPolicy ValidatingPolicy',
  },
  'openreports.io': { namespaced: 'Report', cluster: 'ClusterReport' },
  'wgpolicyk8s.io': { namespaced: 'PolicyReport', cluster: 'ClusterPolicyReport' },
  // Secrets from outside
  'bitnami.com': { namespaced: 'SealedSecret' },
  'external-secrets.io': {
    namespaced: 'ExternalSecret PushSecret SecretStore',
    cluster: 'ClusterExternalSecret ClusterPushSecret ClusterSecretStore',
  },
  // Prometheus operator
  'monitoring.coreos.com': {
    namespaced:
      'Alertmanager AlertmanagerConfig PodMonitor Probe Prometheus PrometheusAgent PrometheusRule ScrapeConfig ' +
      'ServiceMonitor ThanosRuler',
  },
  // Autoscaling
  'autoscaling.k8s.io': { namespaced: 'VerticalPodAutoscaler VerticalPodAutoscalerCheckpoint' },
  'keda.sh': { namespaced: 'ScaledJob ScaledObject TriggerAuthentication', cluster: 'ClusterTriggerAuthentication' },
  // Snapshots
  'snapshot.storage.k8s.io': {
    namespaced: 'VolumeSnapshot',
    cluster: 'VolumeSnapshotClass VolumeSnapshotContent',
  },
  // Istio
  'networking.istio.io': {
    namespaced:
      'DestinationRule EnvoyFilter Gateway=gateways ProxyConfig ServiceEntry Sidecar VirtualService WorkloadEntry ' +
      'WorkloadGroup',
  },
  'security.istio.io': { namespaced: 'AuthorizationPolicy PeerAuthentication RequestAuthentication' },
  'telemetry.istio.io': { namespaced: 'Telemetry' },
}

/** The kinds of a Gatekeeper constraint are made by users: cluster-scoped, and their resource is the kind in small letters. */
const CONSTRAINTS_GROUP = 'constraints.gatekeeper.sh'

const TABLE = readTable()

function readTable(): ReadonlyMap<string, KindResource> {
  const table = new Map<string, KindResource>()
  for (const [group, { namespaced = '', cluster = '' }] of Object.entries(KINDS)) {
    const scopes = [
      [namespaced, 'Namespaced'],
      [cluster, 'Cluster'],
    ] as const
    for (const [kinds, scope] of scopes) {
      for (const entry of kinds.split(' ').filter(each => each !== '')) {
        const [kind = '', resource = guessResource(kind)] = entry.split('=')
        table.set(`${group}/${kind}`, { resource, scope })
      }
    }
  }
  return table
}

/** The resource and scope of a kind; for a kind that is not in the table the plural is guessed and the scope unknown. */
export function resourceOf(group: string, kind: string): KindResource {
  const known = TABLE.get(`${group}/${kind}`)
  if (known !== undefined) return known
  if (group === CONSTRAINTS_GROUP) return { resource: kind.toLowerCase(), scope: 'Cluster' }
  return { resource: guessResource(kind), scope: 'unknown' }
}

/**
 * The plural that Kubernetes guesses where it has no discovery.
 *
 * @see k8s.io/apimachinery, UnsafeGuessKindToResource
 */
function guessResource(kind: string): string {
  const singular = kind.toLowerCase()
  if (singular === '' || singular.endsWith('endpoints')) return singular
  if (singular.endsWith('s')) return `${singular}es`
  return singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`
}

/** Groups whose kinds are configuration of programs on a machine: they look like objects, and no API server takes them. */
const LOCAL_GROUPS = new Set([
  'admission.k8s.io',
  'apiserver.config.k8s.io',
  'apiserver.k8s.io',
  'audit.k8s.io',
  'client.authentication.k8s.io',
  'config.k3d.io',
  'credentialprovider.kubelet.k8s.io',
  'kind.x-k8s.io',
  'kubeadm.k8s.io',
  'kubelet.config.k8s.io',
  'kubeproxy.config.k8s.io',
  'kubescheduler.config.k8s.io',
  'kustomize.config.k8s.io',
  'pod-security.admission.config.k8s.io',
  'skaffold',
])

/** True for files that only look like objects to apply: kubeadm's and kind's configuration, a kubeconfig, a recorded AdmissionReview. */
export function isLocalConfiguration(apiVersion: string, kind: string): boolean {
  return (apiVersion === 'v1' && kind === 'Config') || LOCAL_GROUPS.has(apiVersion.split('/')[0] ?? '')
}
