import fc from 'fast-check'
import t from 'tap'
import type { Json, JsonObject } from '../../../../src/json.js'
import { bundleFingerprints, fingerprints, publishedAuthorities } from '../../../../webhook/registration/authorities.js'
import { compareConfigurations, type ComparisonOptions } from '../../../../webhook/registration/comparison.js'
import { buildConfiguration } from '../../../../webhook/registration/configuration.js'
import { readEntries } from '../../../../webhook/registration/entries.js'
import { matchesRules } from '../../../../webhook/registration/rules.js'
import { isSealed, SEAL, sealOf } from '../../../../webhook/registration/seal.js'
import { registrationOptions } from '../../../helpers/registration.js'

/** Nobody looks into it but for its bytes. */
function authority(name: string): string {
  const body = Buffer.from(`the authority ${name}`, 'utf8').toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`
}

const bundleOf = (...names: string[]) => Buffer.from(names.map(authority).join(''), 'utf8').toString('base64')

const settings = await registrationOptions({ authorities: authority('now'), exemptNamespaces: ['tools', 'vendor'] })
const desired = buildConfiguration(settings)
const NAMESPACED = 'entry namespaced.lockkeeper.dev'
const options: ComparisonOptions = {
  knownAuthorities: [authority('before'), authority('next')],
  isSealed: null,
  accepted: null,
}

const KEY = Buffer.from('a key')

type Webhook = Record<string, Json> & { rules: JsonObject[]; clientConfig: JsonObject; matchConditions: JsonObject[] }

/** A copy with a change to its first entry, or to the whole. */
function changed(change: (webhook: Webhook, configuration: { webhooks: Webhook[] } & JsonObject) => void): JsonObject {
  const copy = structuredClone(desired) as { webhooks: Webhook[] } & JsonObject
  const [webhook] = copy.webhooks
  if (webhook !== undefined) change(webhook, copy)
  return copy
}

const NOT_IN = (...values: string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values }],
})

interface Case {
  readonly live: JsonObject | null
  readonly state: string
  readonly changes?: readonly string[]
  readonly tampering?: readonly string[]
  readonly options?: Partial<ComparisonOptions>
}

const weakened = (live: JsonObject, ...changes: string[]): Case => ({
  live,
  state: 'tampered',
  tampering: ['weakened'],
  changes,
})
const redirected = (live: JsonObject, ...changes: string[]): Case => ({
  live,
  state: 'tampered',
  tampering: ['redirected'],
  changes,
})
const outdated = (live: JsonObject, ...changes: string[]): Case => ({ live, state: 'outdated', changes })

const cases: Record<string, Case> = {
  'nothing is there': { live: null, state: 'missing', changes: ['the configuration is not there'] },
  'it is as desired': { live: desired, state: 'equal' },
  'an entry is taken out': weakened(
    changed((_, all) => all.webhooks.splice(0, 1)),
    `${NAMESPACED} is gone`,
  ),
  'it fails open': weakened(
    changed(each => (each.failurePolicy = 'Ignore')),
    `${NAMESPACED}: failurePolicy Fail became Ignore`,
  ),
  'what a cold cluster needs fails closed': outdated(
    changed((_, all) => Object.assign(all.webhooks[2] ?? {}, { failurePolicy: 'Fail' })),
    'entry cold-start.lockkeeper.dev: failurePolicy Ignore became Fail',
  ),
  'it matches exactly': weakened(
    changed(each => (each.matchPolicy = 'Exact')),
    `${NAMESPACED}: matchPolicy Equivalent became Exact`,
  ),
  'it has less time': weakened(
    changed(each => (each.timeoutSeconds = 1)),
    `${NAMESPACED}: timeoutSeconds 5 became 1`,
  ),
  'it has more time': outdated(
    changed(each => (each.timeoutSeconds = 30)),
    `${NAMESPACED}: timeoutSeconds 5 became 30`,
  ),
  'another version of the review is sent first': weakened(
    changed(each => (each.admissionReviewVersions = ['v1beta1', 'v1'])),
    `${NAMESPACED}: admissionReviewVersions v1 became v1beta1, v1`,
  ),
  'exec is left out': weakened(
    changed(each => {
      for (const rule of each.rules) {
        rule.resources = (rule.resources as string[]).filter(resource => resource !== 'pods/exec')
      }
    }),
    `${NAMESPACED}: the rules leave out CONNECT of pods/exec in the core group (Namespaced)`,
  ),
  'everything is asked': outdated(
    changed(each => {
      each.rules = [
        { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'], scope: 'Namespaced' },
      ]
    }),
    `${NAMESPACED}: the rules match more: CREATE of */* in group * (Namespaced), UPDATE of */* in group * (Namespaced), DELETE of */* in group * (Namespaced), CONNECT of */* in group * (Namespaced)`,
  ),
  'one more namespace is exempt': weakened(
    changed(each => (each.namespaceSelector = NOT_IN('shop', 'tools', 'vendor'))),
    `${NAMESPACED}: namespaceSelector ${selector('tools', 'vendor')} became ${selector('shop', 'tools', 'vendor')}`,
  ),
  'one namespace less is exempt': outdated(
    changed(each => (each.namespaceSelector = NOT_IN('tools'))),
    `${NAMESPACED}: namespaceSelector ${selector('tools', 'vendor')} became ${selector('tools')}`,
  ),
  'objects can exempt themselves': weakened(
    changed(each => (each.objectSelector = { matchLabels: { judge: 'me' } })),
    `${NAMESPACED}: objectSelector {} became {"matchLabels":{"judge":"me"}}`,
  ),
  'a condition is added': weakened(
    changed(each => each.matchConditions.push({ name: 'never', expression: 'false' })),
    `${NAMESPACED}: matchCondition never is not ours: false`,
  ),
  'a condition is taken out': outdated(
    changed(each => each.matchConditions.splice(0, 1)),
    `${NAMESPACED}: matchCondition no-leases is gone`,
  ),
  'it goes elsewhere': redirected(
    changed(each => (each.clientConfig.service = { namespace: 'evil', name: 'gate', port: 8443 })),
    `${NAMESPACED}: clientConfig service lockkeeper-system/lockkeeper-webhook:443/validate became service evil/gate:8443`,
  ),
  'it goes to a URL': redirected(
    changed(each => (each.clientConfig = { url: 'https://evil/', caBundle: each.clientConfig.caBundle ?? null })),
    `${NAMESPACED}: clientConfig service lockkeeper-system/lockkeeper-webhook:443/validate became https://evil/`,
  ),
  'another authority is trusted beside ours': redirected(
    changed(each => (each.clientConfig.caBundle = bundleOf('now', 'evil'))),
    `${NAMESPACED}: caBundle trusts an authority that is not ours (SHA-256 ${fingerprints(authority('evil')).join()})`,
  ),
  'the authorities of the system are trusted': redirected(
    changed(each => delete each.clientConfig.caBundle),
    `${NAMESPACED}: caBundle has no certificate`,
  ),
  'a rotation is under way': outdated(
    changed(each => (each.clientConfig.caBundle = bundleOf('before', 'now', 'next'))),
    `${NAMESPACED}: caBundle has other authorities of ours than it should`,
  ),
  'an entry that sends everything elsewhere is added': redirected(
    changed((each, all) =>
      all.webhooks.push({ ...structuredClone(each), name: 'a.evil', clientConfig: { url: 'https://evil' } }),
    ),
    'entry a.evil was added: it sends requests to https://evil',
  ),
  'an owner is added': weakened(
    changed((_, all) => (all.metadata = { ownerReferences: [{ kind: 'Node' }] })),
    'metadata.ownerReferences were added',
  ),
  'an owner is added to what is sealed': {
    ...weakened(
      changed((_, all) => (all.metadata = { ownerReferences: [{ kind: 'Node' }] })),
      'metadata.ownerReferences were added',
    ),
    options: { isSealed: true },
  },
  'another gate of ours wrote it': {
    ...outdated(
      changed(each => each.rules.splice(1)),
      `${NAMESPACED}: ${sentenceOfRules()}`,
    ),
    options: { isSealed: true },
  },
  'the seal was taken off': { ...outdated(desired, 'the seal is missing'), options: { isSealed: false } },
  'the API server filled in what is not known, we have not written yet': outdated(
    changed(each => (each.mood = 'good')),
    `${NAMESPACED}: mood="good" is not known to this version`,
  ),
  'the API server fills in what is not known': {
    live: changed(each => (each.mood = 'good')),
    state: 'equal',
    options: { accepted: changed(each => (each.mood = 'good')) },
  },
  'somebody else added what is not known': {
    ...weakened(
      changed(each => (each.mood = 'bad')),
      `${NAMESPACED}: mood="bad" is not known to this version`,
    ),
    options: { accepted: changed(each => (each.mood = 'good')) },
  },
}

function selector(...values: string[]): string {
  const list = values.map(each => `"${each}"`).join(',')
  return `{"matchExpressions":[{"key":"kubernetes.io/metadata.name","operator":"NotIn","values":[${list}]}]}`
}

/** The sentence of the comparison itself: which rules stand behind the first one is not what the case is about. */
function sentenceOfRules(): string {
  const { changes } = compareConfigurations(
    changed(each => each.rules.splice(1)),
    desired,
    options,
  )
  return (changes[0] ?? '').slice(`${NAMESPACED}: `.length)
}

for (const [name, { live, state, changes = [], tampering = [], options: more = {} }] of Object.entries(cases)) {
  t.test(name, t => {
    t.strictSame(compareConfigurations(live, desired, { ...options, ...more }), { state, changes, tampering })
    t.end()
  })
}

/** What the API server makes of an object, and what others note beside it. */
function defaulted(configuration: JsonObject, shuffle: boolean): JsonObject {
  const webhooks = (structuredClone(configuration).webhooks as Webhook[]).map(webhook => ({
    objectSelector: {},
    namespaceSelector: {},
    ...webhook,
  }))
  return {
    ...configuration,
    metadata: {
      ...(configuration.metadata as JsonObject),
      uid: 'u',
      generation: 3,
      resourceVersion: '7',
      labels: { 'example.com/team': 'a' },
      annotations: { 'example.com/note': 'b' },
      managedFields: [{ manager: 'lockkeeper', operation: 'Update' }],
    },
    webhooks: shuffle ? webhooks.reverse() : webhooks,
  }
}

const REQUESTS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'].flatMap(operation =>
  [
    ['', 'v1', 'pods', ''],
    ['', 'v1', 'pods', 'exec'],
    ['', 'v1', 'pods', 'ephemeralcontainers'],
    ['', 'v1', 'pods', 'binding'],
    ['', 'v1', 'bindings', ''],
    ['', 'v1', 'nodes', 'proxy'],
    ['', 'v1', 'serviceaccounts', 'token'],
    ['', 'v1', 'namespaces', 'finalize'],
    ['apps', 'v1', 'deployments', 'scale'],
    ['apps', 'v1beta1', 'deployments', ''],
    ['certificates.k8s.io', 'v1', 'certificatesigningrequests', 'approval'],
    ['source.toolkit.fluxcd.io', 'v1', 'externalartifacts', 'status'],
    ['example.com', 'v1', 'widgets', ''],
  ].flatMap(([group = '', version = '', resource = '', subResource = '']) =>
    ['Cluster', 'Namespaced'].flatMap(scope =>
      ['shop', 'tools', 'vendor'].map(namespace => ({
        operation,
        group,
        version,
        resource,
        subResource,
        scope,
        namespace,
      })),
    ),
  ),
)

/** Whether a request is judged by an entry as surely as the desired one has it; written without the comparison. */
function isJudged(webhook: Webhook, like: Webhook, request: (typeof REQUESTS)[number]): boolean {
  const rules = (webhook.rules as unknown as { scope: string }[]).filter(rule =>
    ['*', request.scope].includes(rule.scope),
  )
  const selectors = JSON.stringify([webhook.namespaceSelector ?? {}, webhook.objectSelector ?? {}])
  const excluded =
    selectors.includes('NotIn') && request.scope === 'Namespaced' && selectors.includes(`"${request.namespace}"`)
  const asked = new Set(like.matchConditions.map(each => each.expression))
  return (
    matchesRules(rules as unknown as Parameters<typeof matchesRules>[0], request) &&
    !excluded &&
    !selectors.includes('judge') &&
    webhook.matchConditions.every(each => asked.has(each.expression ?? null)) &&
    (webhook.failurePolicy === 'Fail' || like.failurePolicy === 'Ignore') &&
    Number(webhook.timeoutSeconds) >= 5 &&
    webhook.matchPolicy === 'Equivalent' &&
    JSON.stringify(webhook.clientConfig.service) === JSON.stringify(like.clientConfig.service) &&
    webhook.clientConfig.url === undefined &&
    ['now', 'next'].some(name => bundleOf(name) === webhook.clientConfig.caBundle)
  )
}

const RUNS = 150

type Mutation = (webhook: Webhook, pick: number) => void

function dropFrom(member: 'apiGroups' | 'operations' | 'resources'): Mutation {
  return (webhook, pick) => {
    const rule = webhook.rules[pick % Math.max(webhook.rules.length, 1)]
    const list = (rule?.[member] ?? []) as string[]
    list.splice(pick % Math.max(list.length, 1), 1)
  }
}

const MUTATIONS: Record<string, Mutation> = {
  failurePolicy: (webhook, pick) => (webhook.failurePolicy = pick % 2 === 0 ? 'Ignore' : 'Fail'),
  matchPolicy: (webhook, pick) => (webhook.matchPolicy = pick % 2 === 0 ? 'Exact' : 'Equivalent'),
  timeout: (webhook, pick) => (webhook.timeoutSeconds = 1 + (pick % 30)),
  group: dropFrom('apiGroups'),
  operation: dropFrom('operations'),
  resource: dropFrom('resources'),
  rule: (webhook, pick) => webhook.rules.splice(pick % Math.max(webhook.rules.length, 1), 1),
  everything: webhook =>
    webhook.rules.push({ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'], scope: '*' }),
  versions: webhook => {
    for (const rule of webhook.rules) rule.apiVersions = ['v1']
  },
  scope: (webhook, pick) => {
    for (const rule of webhook.rules) rule.scope = ['Cluster', 'Namespaced', '*'][pick % 3] ?? '*'
  },
  exempt: (webhook, pick) => {
    webhook.namespaceSelector = NOT_IN(
      ...([['shop'], ['tools'], ['shop', 'tools'], ['vendor', 'tools']][pick % 4] ?? []),
    )
  },
  selector: webhook => (webhook.objectSelector = { matchLabels: { judge: 'me' } }),
  condition: webhook => webhook.matchConditions.push({ name: 'x', expression: 'request.operation != "CREATE"' }),
  conditions: (webhook, pick) => webhook.matchConditions.splice(pick % 5, 1),
  service: webhook => (webhook.clientConfig.service = { namespace: 'lockkeeper-system', name: 'other' }),
  url: webhook => (webhook.clientConfig = { url: 'https://evil', caBundle: bundleOf('now') }),
  authority: (webhook, pick) => (webhook.clientConfig.caBundle = bundleOf(pick % 2 === 0 ? 'evil' : 'next')),
}

t.test('whatever makes it judge less or elsewhere is called tampering', t => {
  let weaker = 0
  const judged = (desired.webhooks as Webhook[]).flatMap((original, index) =>
    REQUESTS.filter(request => isJudged(original, original, request)).map(request => ({ index, original, request })),
  )
  const mutation = fc.record({
    name: fc.constantFrom(...Object.keys(MUTATIONS)),
    entry: fc.nat({ max: 2 }),
    pick: fc.nat({ max: 1000 }),
  })
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.boolean(), (mutations, shuffle) => {
      const copy = structuredClone(desired) as { webhooks: Webhook[] } & JsonObject
      for (const { name, entry, pick } of mutations) {
        const webhook = copy.webhooks[entry]
        if (webhook !== undefined) MUTATIONS[name]?.(webhook, pick)
      }
      const isWeaker = judged.some(({ index, original, request }) => {
        const webhook = copy.webhooks[index]
        return webhook === undefined || !isJudged(webhook, original, request)
      })
      weaker += isWeaker ? 1 : 0
      const { state } = compareConfigurations(defaulted(copy, shuffle), desired, options)
      return !isWeaker || state === 'tampered'
    }),
    { numRuns: RUNS },
  )
  t.ok(weaker > RUNS / 2, `${weaker} of ${RUNS} made it weaker`)
  t.end()
})

t.test('what the API server fills in, and the notes of others, are no difference', t => {
  const sealed = sealOf(desired, KEY)
  for (const shuffle of [false, true]) {
    const live = defaulted(desired, shuffle)
    t.equal(compareConfigurations(live, desired, options).state, 'equal')
    t.equal(sealOf(live, KEY), sealed, 'and the seal is the same')
    t.strictSame(readEntries(live), readEntries(desired))
  }
  const bare = changed(each => {
    delete each.matchPolicy
    delete each.failurePolicy
    each.objectSelector = { matchLabels: {}, matchExpressions: [] }
    delete (each.clientConfig.service as JsonObject).port
  })
  t.equal(compareConfigurations(bare, desired, options).state, 'equal', 'what is absent is its default')
  t.end()
})

t.test('a seal holds for what was sealed with the same key', t => {
  const seal = (configuration: JsonObject, text: string): JsonObject => ({
    ...configuration,
    metadata: { annotations: { [SEAL]: text } },
  })
  const right = sealOf(desired, KEY)
  const weaker = changed(each => (each.failurePolicy = 'Ignore'))
  t.equal(isSealed(seal(desired, right), KEY), true)
  t.equal(isSealed(seal(weaker, right), KEY), false)
  t.equal(isSealed(seal(desired, right), Buffer.from('another key')), false)
  t.equal(isSealed(seal(desired, ''), KEY), false)
  t.equal(isSealed(desired, KEY), false)
  t.end()
})

t.test('published is what every entry trusts', t => {
  const [now] = fingerprints(authority('now'))
  t.strictSame(bundleFingerprints(bundleOf('now', 'next')), fingerprints(authority('now') + authority('next')))
  t.strictSame(publishedAuthorities(desired), [now])
  t.strictSame(publishedAuthorities(changed(each => (each.clientConfig.caBundle = bundleOf('next', 'now')))), [now])
  t.strictSame(publishedAuthorities(changed(each => (each.clientConfig.caBundle = bundleOf('next')))), [])
  t.strictSame(publishedAuthorities({ webhooks: [] }), [])
  t.end()
})

t.test('the configuration goes with the installation, and with nothing else', t => {
  const owner = { kind: 'ClusterRole', name: 'lockkeeper-webhook', uid: 'u1' } as const
  const owned = buildConfiguration({ ...settings, owner })
  const withOwners = (...owners: object[]): JsonObject => ({
    ...owned,
    metadata: { ...(owned.metadata as JsonObject), ownerReferences: owners as Json[] },
  })
  const filledIn = { apiVersion: 'rbac.authorization.k8s.io/v1', ...owner, controller: false }
  const compare = (live: JsonObject, wanted: JsonObject) => compareConfigurations(live, wanted, options)
  t.equal(compare(withOwners(filledIn), owned).state, 'equal')
  t.strictSame(compare(desired, owned), {
    state: 'outdated',
    changes: ['metadata.ownerReferences does not name the owner'],
    tampering: [],
  })
  for (const [name, live, wanted] of [
    ['one more', withOwners(filledIn, { ...filledIn, name: 'other' }), owned],
    ['another uid: the garbage collector would delete it', withOwners({ ...filledIn, uid: 'u2' }), owned],
    ['one where none is wanted', owned, desired],
  ] as const) {
    const { state, changes, tampering } = compareConfigurations(live, wanted, { ...options, isSealed: true })
    t.strictSame([state, changes, tampering], ['tampered', ['metadata.ownerReferences were added'], ['weakened']], name)
  }
  t.end()
})
