import type { DefaultsTable } from '../../../src/canonical.js'
import type { Json } from '../../../src/json.js'

type TypeDefaults = DefaultsTable['types'][string]

/** What is done about a member that is filled in because of another one. */
export type Dependent =
  | {
      /** The rule of the canonical form that knows the other member. */
      readonly rule: string
      /** False where the zero value is a choice of its own. */
      readonly zero?: false
      /** False where what it depends on is elsewhere in the object: trying the type alone does not show it. */
      readonly observable?: false
    }
  | {
      /** Dropped when it has this value, whatever the other member says. */
      readonly always: Json
      readonly because: string
    }

/** Only these depend on a neighbour; a recording that finds another one, or misses one of these, fails. */
export const DEPENDENT: Readonly<Record<string, Dependent>> = {
  'Container.imagePullPolicy': { rule: 'imagePullPolicy' },
  'EphemeralContainer.imagePullPolicy': { rule: 'imagePullPolicy' },
  'ImageVolumeSource.pullPolicy': { rule: 'volume' },
  'NodeSpec.podCIDR': { rule: 'podCIDR' },
  'NodeSpec.podCIDRs': { rule: 'podCIDR' },
  'PodSpec.serviceAccount': { rule: 'podSpec' },
  'PodSpec.serviceAccountName': { rule: 'podSpec' },
  'ResourceRequirements.requests': { rule: 'pod' },
  'Secret.data': { rule: 'stringData' },
  'ServicePort.targetPort': { rule: 'targetPort' },
  'ServiceSpec.allocateLoadBalancerNodePorts': {
    always: true,
    because: 'other types of Service have no load balancer, and refuse it',
  },
  'ServiceSpec.externalTrafficPolicy': {
    always: 'Cluster',
    because: 'a Service that nothing outside can reach has no such traffic, and refuses it',
  },
  'ServiceSpec.internalTrafficPolicy': {
    always: 'Cluster',
    because: 'an ExternalName has no endpoints to choose from',
  },
  'ServiceSpec.sessionAffinityConfig': { rule: 'service' },
  'Volume.emptyDir': { rule: 'volume', zero: false },
  'apiextensions.CustomResourceDefinitionNames.listKind': { rule: 'customResourceNames' },
  'apiextensions.CustomResourceDefinitionNames.singular': { rule: 'customResourceNames' },
  'apps.DaemonSetUpdateStrategy.rollingUpdate': { always: {}, because: 'OnDelete refuses it' },
  'apps.DeploymentStrategy.rollingUpdate': { always: {}, because: 'Recreate refuses it' },
  'apps.StatefulSetUpdateStrategy.rollingUpdate': {
    always: {},
    because: 'RollingUpdate means the same with and without it; OnDelete refuses it',
  },
  'apps.StatefulSetUpdateStrategy.type': {
    always: 'RollingUpdate',
    because: 'written out, it only leaves the details to the controller, which has the same ones',
  },
  'autoscaling.HorizontalPodAutoscalerSpec.targetCPUUtilizationPercentage': {
    rule: 'horizontalPodAutoscalerV1',
    observable: false,
  },
  'batch.JobSpec.backoffLimit': { rule: 'jobSpec' },
  'batch.JobSpec.completions': { rule: 'jobSpec' },
  'batch.JobSpec.parallelism': { rule: 'jobSpec' },
  'batch.JobSpec.podReplacementPolicy': { rule: 'jobSpec' },
  'networking.NetworkPolicySpec.policyTypes': { rule: 'policyTypes' },
  'resource.DeviceSubRequest.count': { always: 1, because: 'the allocation mode All refuses a count' },
  'resource.ExactDeviceRequest.count': { always: 1, because: 'the allocation mode All refuses a count' },
}

/** Members that are not tried, by the names of the OpenAPI document: what is filled in is never the same twice. */
export const VARYING: Readonly<Record<string, string>> = {
  'io.k8s.api.resource.v1.DeviceTaint.timeAdded':
    'the time of the request; whoever writes the taint may choose another one',
}

/** Lists that are not the same empty and absent; the canonical form drops them all the same, so each needs a reason. */
export const EMPTY_LISTS: Readonly<Record<string, string>> = {
  'autoscaling.v2.HPAScalingRules.policies': 'an empty list is refused',
}

/**
 * Added to recorded types: what happens after the place where recording looks (the strategies of the registry, admission plug-ins),
 * what concerns more than one type, and what is the design's choice.
 */
export const ADDITIONS: Readonly<Record<string, TypeDefaults>> = {
  // The design: the same owner has another uid in every cluster.
  OwnerReference: { server: ['uid'] },
  // The registry takes them from the user who asks.
  'certificates.CertificateSigningRequestSpec': { server: ['extra', 'groups', 'uid', 'username'] },
  // The plug-in Priority computes both from the class and refuses a Pod that says something else.
  PodSpec: { server: ['preemptionPolicy', 'priority'], rules: ['podSpec', 'pod'] },
  'PodSpec in PodTemplateSpec.spec': { rules: ['podSpec'] },
  Pod: { rules: ['appArmorAnnotations', 'initContainerAnnotations'] },
  PodTemplateSpec: { rules: ['initContainerAnnotations'] },
  Container: { rules: ['imagePullPolicy'] },
  EphemeralContainer: { rules: ['imagePullPolicy'] },
  Volume: { rules: ['volume'] },
  // The registry keeps two ways to name a source in step.
  PersistentVolumeClaimSpec: { rules: ['dataSource'] },
  ServiceSpec: { rules: ['service'] },
  ServicePort: { rules: ['targetPort'] },
  // The registry adds the finalizer of the namespace controller, admission the label with the name.
  NamespaceSpec: { defaults: { finalizers: ['kubernetes'] } },
  Namespace: { rules: ['namespaceLabel'] },
  NodeSpec: { rules: ['podCIDR'] },
  Secret: { rules: ['stringData'] },
  // The limits of one item fill each other in.
  LimitRangeItem: { rules: ['limitRangeItem'] },
  // Labels and selectors that are taken over from the template.
  ReplicationController: { rules: ['replicationController'] },
  'batch.Job': { rules: ['job'] },
  'batch.JobSpec': { rules: ['jobSpec'] },
  // A controller's work, seen on live objects only.
  ServiceAccount: { rules: ['serviceAccountTokens'] },
  'apps.DaemonSet': { rules: ['templateGeneration'] },
  // Metrics that v1 has no members for are in an annotation.
  'autoscaling.HorizontalPodAutoscaler': { rules: ['horizontalPodAutoscalerV1'] },
  // Depends on the value of a neighbour, which probing with single members cannot see.
  'rbac.Subject': { rules: ['subjectApiGroup'] },
  'networking.NetworkPolicySpec': { rules: ['policyTypes'] },
  'apiextensions.CustomResourceDefinitionNames': { rules: ['customResourceNames'] },
}

/** Types of what is not served by a bare API server, and the metadata of every object. */
export const OWN_TYPES: Readonly<Record<string, TypeDefaults>> = {
  metadata: {
    extends: 'ObjectMeta',
    server: [
      'creationTimestamp',
      'deletionGracePeriodSeconds',
      'deletionTimestamp',
      'generation',
      'managedFields',
      'resourceVersion',
      'selfLink',
      'uid',
    ],
    rules: ['serverLabels'],
  },
  'spec.duration': { custom: true, members: { spec: 'duration' } },
  duration: { custom: true, members: { duration: 'Duration', renewBefore: 'Duration' } },
  'spec.interval': { custom: true, members: { spec: 'interval' } },
  interval: { custom: true, members: { interval: 'Duration', retryInterval: 'Duration', timeout: 'Duration' } },
  'spec.template': { custom: true, members: { spec: 'template' } },
  template: { custom: true, members: { template: 'custom pod template' } },
  'custom pod template': { custom: true, members: { metadata: 'template.metadata' } },
  'template.metadata': { custom: true, zero: ['creationTimestamp'] },
}

/** Custom resources with durations, or with Pod templates in which Go writes an empty creationTimestamp. */
export const OWN_KINDS: Readonly<Record<string, string>> = {
  'argoproj.io/v1alpha1/Rollout': 'spec.template',
  'cert-manager.io/v1/Certificate': 'spec.duration',
  'helm.toolkit.fluxcd.io/v2/HelmRelease': 'spec.interval',
  'kustomize.toolkit.fluxcd.io/v1/Kustomization': 'spec.interval',
  'serving.knative.dev/v1/Configuration': 'spec.template',
  'serving.knative.dev/v1/Service': 'spec.template',
  'source.toolkit.fluxcd.io/v1/Bucket': 'spec.interval',
  'source.toolkit.fluxcd.io/v1/GitRepository': 'spec.interval',
  'source.toolkit.fluxcd.io/v1/HelmChart': 'spec.interval',
  'source.toolkit.fluxcd.io/v1/HelmRepository': 'spec.interval',
  'source.toolkit.fluxcd.io/v1/OCIRepository': 'spec.interval',
}
