import fc from 'fast-check'
import t from 'tap'
import type { JsonObject } from '../../../../src/json.js'
import type { Change } from '../../../../src/policy/evaluate.js'
import { grantsOf, type Grant } from '../../../../src/related/grants.js'
import { createInventory, referenceOf } from '../../../../src/related/inventory.js'
import { rulesBeyond, rulesOf, type RbacRule } from '../../../../src/related/rbac-rules.js'
import { relateTo } from '../../../../src/related/related-objects.js'
import { grantLines } from '../../../../src/report/grants.js'
import { WORKLOADS } from '../../../../src/workload.js'
import { named } from '../../../helpers/manifests.js'

const RBAC = 'rbac.authorization.k8s.io/v1'

const secrets: JsonObject = { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }
const role = (rules: JsonObject[], name = 'reader'): JsonObject => named(RBAC, 'Role', name, { rules })
const clusterRole = (rules: JsonObject[], change: JsonObject = {}): JsonObject => ({
  ...named(RBAC, 'ClusterRole', 'reader', { rules }),
  ...change,
})
const account = (name = 'payments'): JsonObject => named('v1', 'ServiceAccount', name)
const subject = (name = 'payments', namespace = 'shop'): JsonObject => ({ kind: 'ServiceAccount', name, namespace })
const binding = (subjects: JsonObject[], roleRef: JsonObject = { kind: 'Role', name: 'reader' }): JsonObject =>
  named(RBAC, 'RoleBinding', 'reader', { roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...roleRef }, subjects })
const clusterBinding = (subjects: JsonObject[]): JsonObject =>
  named(RBAC, 'ClusterRoleBinding', 'reader', { roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects })
const deployment = (serviceAccountName?: string, name = 'web'): JsonObject => {
  const spec: JsonObject = serviceAccountName === undefined ? {} : { serviceAccountName }
  return named('apps/v1', 'Deployment', name, { spec: { template: { spec } } })
}

const create = (object: JsonObject): Change => ({ operation: 'CREATE', object, oldObject: null, risk: null })
const keep = (object: JsonObject, oldObject = object): Change => ({ ...create(object), operation: 'UPDATE', oldObject })
const remove = (oldObject: JsonObject): Change => ({ operation: 'DELETE', object: null, oldObject, risk: null })
const grants = (...changes: Change[]): readonly Grant[] => grantsOf(changes, WORKLOADS)
const lines = (...changes: Change[]): readonly string[] => grantLines(grants(...changes))

t.test('a change gives', t => {
  const used = 'ServiceAccount shop/payments (used by Deployment shop/web)'
  const running = [keep(deployment('payments')), keep(account())]
  const cases: Record<string, { changes: Change[]; says: string[] }> = {
    'a rule that the role did not have': {
      changes: [...running, keep(role([secrets]), role([])), keep(binding([subject()]))],
      says: [`${used} gains: get, list secrets in namespace shop, by RoleBinding shop/reader`],
    },
    'only what is beyond the old rules': {
      changes: [...running, keep(role([secrets]), role([{ ...secrets, verbs: ['get'] }])), keep(binding([subject()]))],
      says: [`${used} gains: list secrets in namespace shop, by RoleBinding shop/reader`],
    },
    'a role to a subject that did not have it': {
      changes: [...running, keep(clusterRole([secrets])), keep(clusterBinding([subject()]), clusterBinding([]))],
      says: [`${used} gains: get, list secrets in the whole cluster, by ClusterRoleBinding reader`],
    },
    'what it gave already to one more': {
      changes: [
        keep(role([secrets])),
        keep(binding([subject(), { kind: 'User', name: 'alice' }]), binding([subject()])),
      ],
      says: ['User alice gains: get, list secrets in namespace shop, by RoleBinding shop/reader'],
    },
    'a role that is not part of it': {
      changes: [create(binding([{ kind: 'Group', name: 'team' }], { kind: 'ClusterRole', name: 'edit' }))],
      says: ['Group team gains: what ClusterRole edit allows in namespace shop, by RoleBinding shop/reader'],
    },
    'the rights of an account to a workload that had another': {
      changes: [
        keep(deployment('payments'), deployment()),
        keep(account()),
        keep(role([secrets])),
        keep(binding([subject()])),
      ],
      says: [
        'Deployment shop/web runs as ServiceAccount shop/payments from now on, and gains: get, list secrets in namespace shop, by RoleBinding shop/reader',
      ],
    },
    'rights to the account of pods that name none': {
      changes: [keep(deployment()), create(role([secrets])), create(binding([subject('default')]))],
      says: [
        'ServiceAccount shop/default (used by Deployment shop/web) gains: get, list secrets in namespace shop, by RoleBinding shop/reader',
      ],
    },
    'rights to all accounts of a namespace': {
      changes: [
        keep(deployment('payments')),
        create(role([secrets])),
        create(binding([{ kind: 'Group', name: 'system:serviceaccounts:shop' }])),
      ],
      says: [
        'Group system:serviceaccounts:shop (used by Deployment shop/web) gains: get, list secrets in namespace shop, by RoleBinding shop/reader',
      ],
    },
    'the rules of a role that another aggregates': {
      changes: [
        keep(clusterRole([], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { aggregate: 'true' } }] } })),
        create({
          ...named(RBAC, 'ClusterRole', 'more', { rules: [secrets] }),
          metadata: { name: 'more', labels: { aggregate: 'true' } },
        }),
        keep(clusterBinding([subject()])),
      ],
      says: [
        'ServiceAccount shop/payments gains: get, list secrets in the whole cluster, by ClusterRoleBinding reader',
      ],
    },
    'more than is told': {
      changes: [
        create(role([{ apiGroups: ['apps'], resources: ['f', 'e', 'd', 'c', 'b', 'a/scale'], verbs: ['get'] }])),
        create(binding([subject()])),
      ],
      says: [
        'ServiceAccount shop/payments gains: get a.apps/scale, b.apps, c.apps, d.apps, e.apps and 1 more in namespace shop, by RoleBinding shop/reader',
      ],
    },
    'objects by their names, and addresses': {
      changes: [
        create(
          clusterRole([
            { ...secrets, verbs: ['get'], resourceNames: ['tls'] },
            { nonResourceURLs: ['/metrics'], verbs: ['get'] },
          ]),
        ),
        create(clusterBinding([subject()])),
      ],
      says: [
        'ServiceAccount shop/payments gains: get secrets (only tls); get /metrics in the whole cluster, by ClusterRoleBinding reader',
      ],
    },
    'a name that is not safe to print': {
      changes: [create(binding([{ kind: 'User', name: 'a\u001b[2K' }], { kind: 'ClusterRole', name: 'edit' }))],
      says: ['User a\\u{1b}[2K gains: what ClusterRole edit allows in namespace shop, by RoleBinding shop/reader'],
    },
  }
  for (const [name, { changes, says }] of Object.entries(cases)) t.strictSame(lines(...changes), says, name)
  t.end()
})

t.test('a change gives nothing new', t => {
  const bound = [keep(account()), keep(binding([subject()]))]
  const cases: Record<string, Change[]> = {
    'where nothing changes': [keep(role([secrets])), ...bound],
    'where rules are written otherwise': [
      keep(role([{ ...secrets, verbs: ['list', 'get'] }]), role([{ ...secrets, verbs: ['get'] }, secrets])),
      ...bound,
    ],
    'where a wildcard is narrowed': [
      keep(role([secrets]), role([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }])),
      ...bound,
    ],
    'where a role of the cluster gave it already': [
      create(role([secrets])),
      keep(account()),
      create(binding([subject()])),
      keep(clusterRole([secrets])),
      keep(clusterBinding([subject()])),
    ],
    'where a binding gets another name': [
      keep(role([secrets])),
      keep(account()),
      remove(binding([subject()])),
      create({ ...binding([subject()]), metadata: { name: 'other', namespace: 'shop' } }),
    ],
    'where a binding goes': [keep(role([secrets])), keep(account()), remove(binding([subject()]))],
    'where a role of Kubernetes stays bound': [keep(binding([subject()], { kind: 'ClusterRole', name: 'edit' }))],
    'with a binding that names no role': [create({ ...binding([subject()]), roleRef: null })],
    'with a binding without subjects': [create(role([secrets])), create({ ...binding([]), subjects: null })],
  }
  for (const [name, changes] of Object.entries(cases)) t.strictSame(lines(...changes), [], name)
  t.end()
})

t.test('what is new is told apart', t => {
  const [grant] = grants(
    create(account()),
    create(role([secrets])),
    create(binding([subject()])),
    create(deployment('payments')),
  )
  const rule: RbacRule = {
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: [],
    nonResourceURLs: [],
    verbs: ['get', 'list'],
  }
  t.strictSame(grant, {
    subject: { kind: 'ServiceAccount', namespace: 'shop', name: 'payments' },
    isNewSubject: true,
    workloads: [{ kind: 'Deployment', namespace: 'shop', name: 'web', isNew: true, gained: [] }],
    role: { kind: 'Role', namespace: 'shop', name: 'reader' },
    binding: { kind: 'RoleBinding', namespace: 'shop', name: 'reader' },
    namespace: 'shop',
    rules: [rule],
    new: true,
    gained: [rule],
  })
  const isNew = (...changes: Change[]) => grants(...changes).map(each => each.isNewSubject)
  t.strictSame(isNew(create(binding([subject()]))), [false], 'an account that the change does not have')
  t.strictSame(isNew(create(account()), keep(binding([subject()]))), [false], 'one that was bound')
  t.strictSame(
    isNew(create(account()), keep(deployment('payments')), create(binding([subject()]))),
    [false],
    'one that was used',
  )
  t.end()
})

t.test('grants are bounded', t => {
  const subjects = Array.from({ length: 500 }, (_, index) => ({ kind: 'User', name: `user-${index}` }))
  const found = grants(create(role([secrets])), create(binding(subjects)))
  t.equal(found.length, 400)
  const names = Array.from({ length: 60 }, (_, index) => create(deployment('payments', `web-${index}`)))
  t.equal(grants(create(binding([subject()])), ...names)[0]?.workloads.length, 50)
  t.end()
})

const value = fc.constantFrom('*', 'a', 'b', 'c')
const values = fc.uniqueArray(value, { minLength: 1, maxLength: 3 })
const anyRule = fc.record({ apiGroups: values, resources: values, verbs: values })
const anyRules = fc.array(anyRule, { maxLength: 3 })
const parsed = (rules: readonly JsonObject[]): readonly RbacRule[] => rulesOf({ rules: [...rules] })

/** RBAC's own question, of one request. */
function allows(rules: readonly RbacRule[], [group, resource, verb]: readonly [string, string, string]): boolean {
  const has = (list: readonly string[], each: string): boolean => list.includes('*') || list.includes(each)
  return rules.some(rule => has(rule.apiGroups, group) && has(rule.resources, resource) && has(rule.verbs, verb))
}

t.test('rules beyond others allow what the others do not, and nothing that the rules do not', t => {
  const letter = fc.constantFrom('a', 'b', 'c', 'd')
  fc.assert(
    fc.property(anyRules, anyRules, fc.tuple(letter, letter, letter), (now, before, asked) => {
      const [all, old] = [parsed(now), parsed(before)]
      const beyond = rulesBeyond(all, old)
      if (allows(all, asked) && !allows(old, asked)) return allows(beyond, asked)
      return !allows(beyond, asked) || allows(all, asked)
    }),
    { numRuns: 500 },
  )
  fc.assert(fc.property(anyRules, rules => rulesBeyond(parsed(rules), parsed(rules)).length === 0))
  t.end()
})

t.test('subresources, names and addresses are covered as RBAC covers them', t => {
  const rule = (change: Partial<Record<keyof RbacRule, string[]>>): readonly RbacRule[] =>
    parsed([{ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], ...change }])
  const url = (path: string): readonly RbacRule[] => parsed([{ nonResourceURLs: [path], verbs: ['get'] }])
  const cases: Record<string, [readonly RbacRule[], readonly RbacRule[], boolean]> = {
    'a star before a slash covers the subresource': [rule({}), rule({ resources: ['*/exec'] }), true],
    'a resource does not cover its subresource': [rule({}), rule({ resources: ['pods'] }), false],
    'names are narrower than none': [rule({ resourceNames: ['a'] }), rule({}), true],
    'none is wider than names': [rule({}), rule({ resourceNames: ['a'] }), false],
    'fewer names': [rule({ resourceNames: ['a'] }), rule({ resourceNames: ['a', 'b'] }), true],
    'more names': [rule({ resourceNames: ['a', 'b'] }), rule({ resourceNames: ['a'] }), false],
    'an address below a star': [url('/healthz/etcd'), url('/healthz/*'), true],
    'another address': [url('/metrics'), url('/healthz/*'), false],
    'a star of resources is no address': [url('/metrics'), rule({ resources: ['*'], verbs: ['*'] }), false],
  }
  for (const [name, [rules, before, covered]] of Object.entries(cases)) {
    t.equal(rulesBeyond(rules, before).length === 0, covered, name)
  }
  t.strictSame(
    rulesOf({ rules: [null, 'x', { verbs: 'get', resources: [1, 'pods'] }] }).map(each => each.resources),
    [['pods']],
  )
  t.end()
})

t.test('a rule of too many parts is compared as a whole', t => {
  const many = Array.from({ length: 100 }, (_, index) => `r${index}`)
  const rule = { apiGroups: ['a', 'b', 'c'], resources: many, verbs: many }
  t.equal(rulesBeyond(parsed([rule]), parsed([{ ...rule, verbs: ['*'] }])).length, 0)
  t.equal(rulesBeyond(parsed([rule]), parsed([{ ...rule, verbs: ['r1'] }]))[0]?.verbs.length, 100)
  t.end()
})

const everything = [
  account(),
  role([secrets]),
  binding([subject()]),
  deployment('payments'),
  deployment(),
  account('other'),
]

function related(object: JsonObject, objects = everything) {
  const found = relateTo(object, createInventory(objects, WORKLOADS))
  return found === null ? null : found.objects.map(each => Object.values(referenceOf(each) ?? {}).join(' '))
}

t.test('an object is related to', t => {
  const names = {
    account: 'ServiceAccount shop payments',
    role: 'Role shop reader',
    binding: 'RoleBinding shop reader',
    web: 'Deployment shop web',
  }
  const named = (...keys: (keyof typeof names)[]) => keys.map(key => names[key])
  t.strictSame(related(role([secrets]), everything.slice(0, 4)), named('web', 'binding', 'account'), 'a role')
  t.strictSame(related(binding([subject()]), everything.slice(0, 4)), named('web', 'role', 'account'), 'a binding')
  t.strictSame(related(account(), everything.slice(0, 4)), named('web', 'role', 'binding'), 'an account')
  t.strictSame(related(account(), [account(), deployment('payments')]), named('web'), 'an account that is not bound')
  t.equal(related(account('other')), null, 'an account of nobody')
  t.equal(related(deployment('payments')), null, 'a workload: what is said of it is what admission says')
  t.equal(related({ kind: 'Role' }), null, 'an object without a name')
  const alice = { apiVersion: 'example.com/v1', kind: 'User', metadata: { name: 'alice' } }
  t.equal(
    related(alice, [binding([{ kind: 'User', name: 'alice' }])]),
    null,
    'an object that is called as a subject is',
  )
  const found = relateTo(account(), createInventory(everything, WORKLOADS))
  t.equal(found?.complete, false, 'nobody knows what else is in the cluster')
  t.match(found?.digest, /^sha256:[0-9a-f]{64}$/)
  t.end()
})

t.test('related objects and grants are the same in whatever order the change is', t => {
  const objects = [...everything, clusterRole([secrets]), clusterBinding([subject(), subject('other')])]
  const answer = (all: readonly JsonObject[]): string =>
    JSON.stringify([
      objects.map(each => relateTo(each, createInventory(all, WORKLOADS))),
      grantsOf(all.map(create), WORKLOADS),
    ])
  fc.assert(
    fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), all => answer(all) === answer(objects)),
    { numRuns: 50 },
  )
  t.end()
})

t.test('the digest is of what counts', t => {
  const digest = (change: JsonObject, of = account()) =>
    relateTo(of, createInventory([account(), binding([subject()]), { ...role([secrets]), ...change }], WORKLOADS))
      ?.digest
  t.equal(digest({ metadata: { name: 'reader', namespace: 'shop', uid: 'x' } }), digest({}))
  t.not(digest({ rules: [] }), digest({}))
  t.end()
})

t.test('related objects are bounded in number and size', t => {
  const bindings = (count: number, size: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...binding([subject()]),
      metadata: { name: `b${index}`, namespace: 'shop', annotations: { text: 'x'.repeat(size) } },
    }))
  t.equal(related(account(), bindings(150, 1))?.length, 100)
  t.equal(related(account(), bindings(50, 100_000))?.length, 2)
  t.end()
})
