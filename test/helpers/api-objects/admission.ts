import type { Choices, Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { labelSelector, metadata } from './values.js'
import type { Make } from './workloads.js'

const GROUP = 'admissionregistration.k8s.io'

/** Kinds that extend admission and the API itself. */
export const ADMISSION: Readonly<Record<string, Make>> = {
  [`${GROUP}/v1/ValidatingWebhookConfiguration`]: draw => ({ metadata: metadata(draw), webhooks: webhooks(draw, {}) }),
  [`${GROUP}/v1/MutatingWebhookConfiguration`]: draw => ({
    metadata: metadata(draw),
    webhooks: webhooks(draw, { reinvocationPolicy: ['Never', 'IfNeeded'] }),
  }),
  [`${GROUP}/v1/ValidatingAdmissionPolicy`]: draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {
        matchConstraints: draw.members(
          { resourceRules: ruleList(draw) },
          {
            ...matching(draw),
            excludeResourceRules: [
              [],
              [{ apiGroups: ['batch'], apiVersions: ['v1'], resources: ['jobs'], operations: ['*'] }],
            ],
          },
        ),
        validations: draw.oneOrMore<Json>([
          { expression: 'true' },
          { expression: 'object.metadata.name != ""', message: 'a name', reason: 'Invalid' },
          { expression: '1 < 2', message: '', messageExpression: '"a" + "b"' },
        ]),
      },
      {
        failurePolicy: ['Fail', 'Ignore'],
        matchConditions: [[], [{ name: 'a', expression: 'true' }]],
        variables: [[], [{ name: 'x', expression: 'object.metadata.name' }]],
        auditAnnotations: [[], [{ key: 'k', valueExpression: '"v"' }]],
      },
    ),
  }),
  [`${GROUP}/v1/ValidatingAdmissionPolicyBinding`]: draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { policyName: 'policy', validationActions: draw.pick([['Deny'], ['Warn', 'Audit']]) },
      {
        paramRef: [
          { name: 'p', parameterNotFoundAction: 'Deny' },
          { selector: { matchLabels: { a: '' } }, namespace: '', parameterNotFoundAction: 'Allow' },
        ],
        matchResources: [{}, () => draw.members({}, { ...matching(draw), resourceRules: [[], ruleList] })],
      },
    ),
  }),
  [`${GROUP}/v1/MutatingAdmissionPolicyBinding`]: draw => ({
    metadata: metadata(draw),
    spec: draw.members({ policyName: 'policy' }, { matchResources: [{}, () => draw.members({}, matching(draw))] }),
  }),
  [`${GROUP}/v1/MutatingAdmissionPolicy`]: draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {
        matchConstraints: draw.members({ resourceRules: ruleList(draw) }, matching(draw)),
        reinvocationPolicy: draw.pick(['Never', 'IfNeeded']),
        mutations: [
          draw.pick<JsonObject>([
            {
              patchType: 'JSONPatch',
              jsonPatch: { expression: '[JSONPatch{op: "add", path: "/metadata/labels/x", value: "y"}]' },
            },
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } },
          ]),
        ],
      },
      { failurePolicy: ['Fail', 'Ignore'], variables: [[]], matchConditions: [[]] },
    ),
  }),
  'apiregistration.k8s.io/v1/APIService': draw => ({
    metadata: { ...metadata(draw), name: 'v1.metrics.example.com' },
    spec: draw.members(
      {
        group: 'metrics.example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 10,
        service: draw.members({ name: 'metrics', namespace: 'default' }, { port: [443, 8443] }),
      },
      { insecureSkipTLSVerify: [false, true] },
    ),
  }),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': definition,
}

function matching(draw: Draw): Choices {
  return {
    matchPolicy: ['Equivalent', 'Exact'],
    namespaceSelector: [() => labelSelector(draw)],
    objectSelector: [() => labelSelector(draw)],
  }
}

function ruleList(draw: Draw): Json {
  return draw.oneOrMore(['pods', 'deployments']).map(resource =>
    draw.members(
      {
        apiGroups: ['', 'apps'],
        apiVersions: ['v1'],
        operations: draw.pick([['CREATE'], ['CREATE', 'UPDATE'], ['*']]),
        resources: [resource],
      },
      { scope: ['*', 'Namespaced'] },
    ),
  )
}

function webhooks(draw: Draw, more: Choices): Json {
  return draw.some(['a.example.com', 'b.example.com']).map(name =>
    draw.members(
      {
        name,
        admissionReviewVersions: ['v1'],
        sideEffects: draw.pick(['None', 'NoneOnDryRun']),
        clientConfig: draw.pick<JsonObject>([
          { url: 'https://gate.example.com/validate' },
          { service: { name: 'gate', namespace: 'default' } },
          { service: { name: 'gate', namespace: 'default', port: 443, path: '/validate' }, caBundle: '' },
          { service: { name: 'gate', namespace: 'default', port: 8443 } },
        ]),
      },
      {
        ...matching(draw),
        ...more,
        failurePolicy: ['Fail', 'Ignore'],
        timeoutSeconds: [10, 1, 30],
        rules: [[], ruleList],
        matchConditions: [[], [{ name: 'a', expression: 'true' }]],
      },
    ),
  )
}

/** The name of a definition follows from its spec: `<plural>.<group>`. */
function definition(draw: Draw, name: string): JsonObject {
  const kind = name.replaceAll(/[^a-z0-9]/g, '')
  const names = draw.members(
    { plural: `${kind}s`, kind: `K${kind}` },
    { singular: [`k${kind}`, kind], listKind: [`K${kind}List`], shortNames: [[], ['sh']], categories: [[], ['all']] },
  )
  return {
    metadata: { ...metadata(draw), name: `${kind}s.example.com` },
    spec: draw.members(
      { group: 'example.com', scope: draw.pick(['Namespaced', 'Cluster']), names, versions: [version(draw)] },
      {
        preserveUnknownFields: [false],
        conversion: [
          { strategy: 'None' },
          {
            strategy: 'Webhook',
            webhook: {
              conversionReviewVersions: ['v1'],
              clientConfig: { service: { name: 'gate', namespace: 'default' } },
            },
          },
        ],
      },
    ),
  }
}

function version(draw: Draw): JsonObject {
  return draw.members(
    { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema(draw) } },
    {
      deprecated: [false, true],
      subresources: [
        {},
        { status: {} },
        { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
      ],
      additionalPrinterColumns: [
        [],
        [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        [
          {
            name: 'Age',
            type: 'date',
            jsonPath: '.metadata.creationTimestamp',
            priority: 0,
            description: '',
            format: '',
          },
        ],
      ],
    },
  )
}

function schema(draw: Draw): JsonObject {
  const spec = draw.members(
    { type: 'object' },
    {
      properties: [
        {},
        {
          size: { type: 'integer', minimum: 0, default: 1 },
          mode: { type: 'string', enum: ['a', 'b', ''], default: '' },
        },
        {
          size: { 'x-kubernetes-int-or-string': true },
          list: { type: 'array', items: { type: 'string', maxLength: 5 }, default: [] },
        },
        { map: { type: 'object', additionalProperties: { type: 'string', nullable: true }, default: {} } },
        { any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, nullable: false } },
        { on: { type: 'boolean', default: false }, ratio: { type: 'number', maximum: 1.5, exclusiveMaximum: false } },
      ],
      required: [[]],
      description: ['', 'what is wanted'],
      'x-kubernetes-validations': [
        [],
        [{ rule: 'true' }],
        [{ rule: 'true', message: 'no', reason: 'FieldValueInvalid' }],
      ],
    },
  )
  return draw.members({ type: 'object', properties: { spec } }, { description: [''], required: [['spec'], []] })
}
