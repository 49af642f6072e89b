import fc from 'fast-check'
import t from 'tap'
import type { AdmissionRequest, Operation } from '../../../../src/admission.js'
import { matchesType, matchSelectors } from '../../../../src/match.js'
import type { Match, PolicyCard } from '../../../../src/policy/policy-types.js'
import { resourceOf } from '../../../../src/resources.js'
import { WORKLOADS } from '../../../../src/workload.js'
import { askedByPolicies } from '../../../../webhook/registration/asked.js'
import { anyOf, coldStart, noneOf } from '../../../../webhook/registration/conditions.js'
import { buildConfiguration } from '../../../../webhook/registration/configuration.js'
import { type Asked, buildRules, matchesRules } from '../../../../webhook/registration/rules.js'
import { registrationOptions } from '../../../helpers/registration.js'

const options = await registrationOptions({ authorities: 'PEM' })

/** Subresources of the API as they are sent: the kind in the request, and the resource. */
const SUBRESOURCES: readonly (readonly [string, string, string, string, string])[] = [
  ['', 'PodExecOptions', '', 'pods', 'exec'],
  ['', 'PodAttachOptions', '', 'pods', 'attach'],
  ['', 'PodPortForwardOptions', '', 'pods', 'portforward'],
  ['', 'PodProxyOptions', '', 'pods', 'proxy'],
  ['', 'ServiceProxyOptions', '', 'services', 'proxy'],
  ['', 'NodeProxyOptions', '', 'nodes', 'proxy'],
  ['', 'Pod', '', 'pods', 'ephemeralcontainers'],
  ['', 'Pod', '', 'pods', 'resize'],
  ['', 'Binding', '', 'pods', 'binding'],
  ['policy', 'Eviction', '', 'pods', 'eviction'],
  ['authentication.k8s.io', 'TokenRequest', '', 'serviceaccounts', 'token'],
  ['certificates.k8s.io', 'CertificateSigningRequest', 'certificates.k8s.io', 'certificatesigningrequests', 'approval'],
  ['', 'Namespace', '', 'namespaces', 'finalize'],
  ['autoscaling', 'Scale', '', 'replicationcontrollers', 'scale'],
  ['autoscaling', 'Scale', 'apps', 'deployments', 'scale'],
  ['autoscaling', 'Scale', 'apps', 'statefulsets', 'scale'],
  ['autoscaling', 'Scale', 'argoproj.io', 'rollouts', 'scale'],
  ['source.toolkit.fluxcd.io', 'ExternalArtifact', 'source.toolkit.fluxcd.io', 'externalartifacts', 'status'],
  ['source.toolkit.fluxcd.io', 'GitRepository', 'source.toolkit.fluxcd.io', 'gitrepositories', 'status'],
  ['source.toolkit.fluxcd.io', 'OCIRepository', 'source.toolkit.fluxcd.io', 'ocirepositories', 'status'],
  ['source.toolkit.fluxcd.io', 'Bucket', 'source.toolkit.fluxcd.io', 'buckets', 'status'],
]
/** Kinds that are sent to subresources only. */
const WITHOUT_OBJECTS = /Options$|^Scale$|^Eviction$|^TokenRequest$/
const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

function request(
  operation: Operation,
  [kindGroup, kind, group, resource, subResource]: readonly [string, string, string, string, string],
): AdmissionRequest {
  const names = { group, version: 'v1', resource }
  return {
    uid: '1',
    kind: { group: kindGroup, version: 'v1', kind },
    resource: names,
    requestKind: { group: kindGroup, version: 'v1', kind },
    requestResource: names,
    ...(subResource !== '' && { subResource }),
    operation,
    userInfo: { username: 'alice' },
    object: {},
    oldObject: {},
    dryRun: false,
    options: null,
  }
}

/** Requests for every kind that a policy names or that has Pods, for a kind that nobody names, and for every subresource. */
function requestsFor(cards: readonly PolicyCard[]): readonly AdmissionRequest[] {
  const kinds = [
    ...cards.flatMap(({ match }) =>
      (match.kinds ?? []).flatMap(({ apiGroups, kinds }) =>
        apiGroups.flatMap(group => kinds.map(kind => ({ group, kind }))),
      ),
    ),
    ...WORKLOADS,
    { group: 'example.com', kind: 'Widget' },
    { group: '', kind: 'Binding' },
  ].filter(({ group, kind }) => group !== '*' && kind !== '*' && !WITHOUT_OBJECTS.test(kind))
  const plain = kinds.map(({ group, kind }) => [group, kind, group, resourceOf(group, kind).resource, ''] as const)
  return [...plain, ...SUBRESOURCES].flatMap(each => OPERATIONS.map(operation => request(operation, each)))
}

/** Without the members that rules do not look at. */
function broad({ namespaces: _1, excludedNamespaces: _2, scope: _3, labelSelector: _4, ...match }: Match): Match {
  return match
}

function isSent(rules: ReturnType<typeof buildRules>, { operation, resource, subResource }: AdmissionRequest): boolean {
  return matchesRules(rules, { ...resource, operation, subResource: subResource ?? '' })
}

t.test('every request that a shipped policy matches is sent, with all policies and with that one alone', t => {
  const cards = options.cards.filter(card => card.scope === 'object')
  const requests = requestsFor(cards)
  const all = buildRules(askedByPolicies(cards, WORKLOADS))
  let matched = 0
  const missing: string[] = []
  for (const card of cards) {
    const alone = buildRules(askedByPolicies([card], WORKLOADS))
    const before = matched
    for (const each of requests) {
      const match = broad(card.match)
      if (!matchesType(match, each, WORKLOADS) || matchSelectors(match, each, 'unknown') === 'no') continue
      matched += 1
      if (isSent(all, each) && isSent(alone, each)) continue
      missing.push(
        `${card.id}: ${each.operation} ${each.kind.kind} ${each.resource.resource}/${each.subResource ?? ''}`,
      )
    }
    t.ok(matched > before, `${card.id} matches some of the requests`)
  }
  t.strictSame(missing, [])
  t.comment(`${matched} pairs of a policy and a request`)
  t.end()
})

t.test('what changes what runs is sent whatever the policies are', t => {
  const rules = buildRules(askedByPolicies([], WORKLOADS))
  const operations: Record<string, Operation> = {
    exec: 'CONNECT',
    attach: 'CONNECT',
    portforward: 'CONNECT',
    proxy: 'CONNECT',
    binding: 'CREATE',
    eviction: 'CREATE',
    token: 'CREATE',
  }
  const sent = SUBRESOURCES.filter(each => isSent(rules, request(operations[each[4]] ?? 'UPDATE', each)))
  t.strictSame(sent, SUBRESOURCES)
  t.equal(isSent(rules, request('CREATE', ['', 'Binding', '', 'bindings', ''])), true)
  t.equal(isSent(rules, request('UPDATE', ['', 'Node', '', 'nodes', 'status'])), false, 'no status of nodes')
  t.equal(isSent(rules, request('CREATE', ['', 'Pod', '', 'pods', ''])), false, 'no object that no policy asks for')
  t.end()
})

t.test('what the Flux gate relies on is sent with the shipped policies', t => {
  const rules = buildRules(askedByPolicies(options.cards, WORKLOADS))
  const artifact = [
    'source.toolkit.fluxcd.io',
    'ExternalArtifact',
    'source.toolkit.fluxcd.io',
    'externalartifacts',
  ] as const
  const cases: readonly (readonly [Operation, Parameters<typeof request>[1]])[] = [
    ...(['CREATE', 'UPDATE', 'DELETE'] as const).map(each => [each, [...artifact, '']] as const),
    ['UPDATE', [...artifact, 'status']],
    ...(['CREATE', 'UPDATE'] as const).flatMap(each =>
      [
        ['kustomize.toolkit.fluxcd.io', 'Kustomization', 'kustomize.toolkit.fluxcd.io', 'kustomizations', ''] as const,
        ['helm.toolkit.fluxcd.io', 'HelmRelease', 'helm.toolkit.fluxcd.io', 'helmreleases', ''] as const,
      ].map(names => [each, names] as const),
    ),
    ['UPDATE', ['lockkeeper.dev', 'ArtifactGate', 'lockkeeper.dev', 'artifactgates', '']],
    ['DELETE', ['', 'ConfigMap', '', 'configmaps', '']],
    ['DELETE', ['', 'Secret', '', 'secrets', '']],
  ]
  const sent = cases.filter(([operation, names]) => isSent(rules, request(operation, names)))
  t.strictSame(sent, cases)
  t.end()
})

function card(match: Match, more: Partial<PolicyCard> = {}): PolicyCard {
  return {
    id: 'any',
    package: 'lockkeeper.any',
    title: '',
    description: '',
    severity: 'low',
    controls: [],
    match,
    parameters: {},
    ratchet: false,
    stage: 'first',
    scope: 'object',
    approvable: true,
    docs: '',
    rules: ['deny'],
    ...more,
  }
}

/** The rules of one card beyond those that are always there. */
function more(one: PolicyCard): readonly string[] {
  const text = (cards: readonly PolicyCard[]) =>
    buildRules(askedByPolicies(cards, WORKLOADS)).map(
      ({ apiGroups, operations, resources }) => `${operations.join(',')} ${apiGroups.join(',')} ${resources.join(',')}`,
    )
  const always = text([])
  return text([one]).filter(each => !always.includes(each))
}

const matches: Record<string, { match: Match; rules: readonly string[] }> = {
  'a kind that is known': {
    match: { kinds: [{ apiGroups: ['networking.k8s.io'], kinds: ['Ingress'] }] },
    rules: ['CREATE,UPDATE networking.k8s.io ingresses'],
  },
  'a kind whose plural would be a guess: its whole group': {
    match: { kinds: [{ apiGroups: ['example.com'], kinds: ['Widget'] }], operations: ['DELETE'] },
    rules: ['DELETE example.com *'],
  },
  'a kind in every group: everything': {
    match: { kinds: [{ apiGroups: ['*'], kinds: ['Widget'] }] },
    // What is asked for anyway needs no `bindings` of its own then.
    rules: ['CREATE,UPDATE * *', 'CREATE  pods/binding,pods/eviction,serviceaccounts/token'],
  },
  'every kind, and a subresource': {
    match: { subResources: ['status'] },
    rules: ['CREATE,UPDATE * */status'],
  },
  'a kind that is sent to a subresource of others': {
    match: {
      kinds: [{ apiGroups: ['autoscaling'], kinds: ['Scale'] }],
      operations: ['CREATE'],
      subResources: ['', 'scale'],
    },
    rules: ['CREATE,UPDATE * */scale'],
  },
  'every operation on one kind': {
    match: { kinds: [{ apiGroups: [''], kinds: ['Secret'] }], operations: ['*'] },
    rules: ['CREATE,UPDATE,DELETE,CONNECT  secrets'],
  },
}

for (const [name, { match, rules }] of Object.entries(matches)) {
  t.test(`the rules for ${name}`, t => {
    t.strictSame(more(card(match)), rules)
    t.end()
  })
}

t.test('a policy about sets of changes asks for nothing', t => {
  t.strictSame(more(card({}, { scope: 'changeset' })), [])
  t.end()
})

t.test('rules match what was asked, no more and no less', t => {
  const groups = ['', 'apps', 'example.com']
  const resources = ['pods', 'deployments']
  const subResources = ['', 'exec', 'scale']
  const asked = fc.record({
    group: fc.constantFrom('*', ...groups),
    resource: fc.constantFrom('*', '*/*', '*/scale', 'pods', 'pods/*', 'pods/exec', 'deployments', 'deployments/scale'),
    operations: fc.subarray([...OPERATIONS], { minLength: 1 }),
  })
  const wants = ({ group, resource, operations }: Asked, each: AdmissionRequest): boolean => {
    const { subResource = '' } = each
    const [wanted, wantedSub] = resource.split('/')
    const isResource = wanted === '*' || wanted === each.resource.resource
    const isSub =
      wantedSub === undefined ? subResource === '' : subResource !== '' && ['*', subResource].includes(wantedSub)
    const isGroup = group === '*' || group === each.resource.group
    return operations.includes(each.operation) && isGroup && (resource === '*/*' || (isResource && isSub))
  }
  const requests = OPERATIONS.flatMap(operation =>
    groups.flatMap(group =>
      resources.flatMap(resource =>
        subResources.map(subResource => request(operation, ['', 'Any', group, resource, subResource])),
      ),
    ),
  )
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 6 }), all => {
      const rules = buildRules(all)
      for (const each of requests) {
        if (isSent(rules, each) !== all.some(one => wants(one, each))) return false
      }
      return JSON.stringify(rules) === JSON.stringify(buildRules([...all].reverse()))
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('the configuration', t => {
  const configuration = buildConfiguration({ ...options, exemptNamespaces: ['b', 'a', 'b'] })
  const webhooks = configuration.webhooks as Record<string, unknown>[]
  const rest = webhooks.map(({ rules, matchConditions: _conditions, ...each }) => ({
    ...each,
    scopes: [...new Set((rules as { scope: string }[]).map(rule => rule.scope))],
  }))
  const common = {
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    matchPolicy: 'Equivalent',
    timeoutSeconds: 5,
    clientConfig: {
      service: { namespace: 'lockkeeper-system', name: 'lockkeeper-webhook', port: 443, path: '/validate' },
      caBundle: 'UEVN',
    },
  }
  const namespaceSelector = {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['a', 'b'] }],
  }
  t.strictSame(rest, [
    { name: 'namespaced.lockkeeper.dev', ...common, failurePolicy: 'Fail', namespaceSelector, scopes: ['Namespaced'] },
    { name: 'cluster.lockkeeper.dev', ...common, failurePolicy: 'Fail', scopes: ['Cluster'] },
    { name: 'cold-start.lockkeeper.dev', ...common, failurePolicy: 'Ignore', namespaceSelector, scopes: ['*'] },
  ])
  t.strictSame(configuration.metadata, {
    name: 'lockkeeper',
    labels: { 'app.kubernetes.io/part-of': 'lockkeeper' },
  })
  const open = buildConfiguration({ ...options, target: { url: 'https://gate:1' }, failurePolicy: 'Ignore', name: 'x' })
  t.strictSame(
    (open.webhooks as Record<string, unknown>[]).map(each => [
      each.failurePolicy,
      each.clientConfig,
      each.namespaceSelector,
    ]),
    Array(3).fill(['Ignore', { url: 'https://gate:1/validate', caBundle: 'UEVN' }, undefined]),
  )
  t.end()
})

t.test('the conditions of the entries are each the opposite of the other', t => {
  const [namespaced = [], cluster = [], cold = []] = (
    buildConfiguration(options).webhooks as { matchConditions: { name: string; expression: string }[] }[]
  ).map(each => each.matchConditions)
  t.strictSame(namespaced, cluster)
  const shared = namespaced.filter(each => cold.some(other => other.expression === each.expression))
  const left = namespaced.filter(each => !shared.includes(each))
  const needed = cold.filter(each => !shared.some(other => other.expression === each.expression))
  t.equal(shared.length, 6)
  t.equal(needed.length, 1)
  // De Morgan: none of them, or one of them.
  t.equal(needed[0]?.expression, left.map(each => each.expression.slice(1)).join(' || '))
  t.ok(left.every(each => each.expression.startsWith('!(') && each.name.startsWith('not-')))
  const terms = coldStart(options)
  t.strictSame(left, noneOf(terms))
  t.strictSame(needed, [anyOf('needed-to-start', terms)])
  for (const conditions of [namespaced, cold]) {
    t.ok(conditions.length <= 64)
    t.equal(new Set(conditions.map(each => each.name)).size, conditions.length)
    t.ok(conditions.every(each => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(each.name) && each.name.length <= 63))
  }
  t.end()
})

t.test('the own namespace is always among those that a cold cluster starts with', t => {
  const [pods] = coldStart({ ...options, namespace: 'gate', bootstrapNamespaces: [] }).filter(
    each => each.name === 'system-pods',
  )
  t.match(pods?.expression, '== "gate" &&')
  t.end()
})
