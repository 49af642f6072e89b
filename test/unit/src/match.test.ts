import fc from 'fast-check'
import t from 'tap'
import type { Context } from '../../../src/decision-types.js'
import { matchesName, matchesType, matchSelectors, selects } from '../../../src/match.js'
import type { LabelSelector, Match } from '../../../src/policy/policy-types.js'
import { WORKLOADS } from '../../../src/workload.js'
import { admissionRequest, pod } from '../../helpers/requests.js'

const deployment = { kind: { group: 'apps', version: 'v1', kind: 'Deployment' } }
const namespaceObject = {
  kind: { group: '', version: 'v1', kind: 'Namespace' },
  namespace: 'shop',
  object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'a' } } },
}
const clusterScoped = {
  kind: { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole' },
  namespace: undefined,
} as unknown as Parameters<typeof admissionRequest>[0]
const teamA: LabelSelector = { matchLabels: { team: 'a' } }
const known = (labels: Record<string, string>): Context['namespace'] => ({ labels, annotations: {} })

t.test('a policy applies', t => {
  const cases: Record<
    string,
    { match: Match; request?: Parameters<typeof admissionRequest>[0]; namespace?: Context['namespace']; is: string }
  > = {
    'to everything when its match is empty': { match: {}, is: 'yes' },
    'to the kind it names': { match: { kinds: [{ apiGroups: [''], kinds: ['Pod'] }] }, is: 'yes' },
    'to a kind by wildcard': { match: { kinds: [{ apiGroups: ['*'], kinds: ['*'] }] }, is: 'yes' },
    'not to the same kind of another group': { match: { kinds: [{ apiGroups: ['apps'], kinds: ['Pod'] }] }, is: 'no' },
    'to every workload': { match: { workloads: true }, request: deployment, is: 'yes' },
    'not to what carries no pods, when it is for workloads': {
      match: { workloads: true },
      request: clusterScoped,
      is: 'no',
    },
    'to workloads or named kinds': {
      match: { workloads: true, kinds: [{ apiGroups: ['*'], kinds: ['ClusterRole'] }] },
      request: clusterScoped,
      is: 'yes',
    },
    'not to DELETE unless it says so': { match: {}, request: { operation: 'DELETE' }, is: 'no' },
    'to DELETE when it says so': { match: { operations: ['DELETE'] }, request: { operation: 'DELETE' }, is: 'yes' },
    'to every operation by wildcard': { match: { operations: ['*'] }, request: { operation: 'CONNECT' }, is: 'yes' },
    'not to a subresource': { match: {}, request: { subResource: 'status' }, is: 'no' },
    'to ephemeral containers when it is for workloads': {
      match: { workloads: true },
      request: { subResource: 'ephemeralcontainers' },
      is: 'yes',
    },
    'to the subresource it names': { match: { subResources: ['exec'] }, request: { subResource: 'exec' }, is: 'yes' },
    'not to the object itself when it names subresources': { match: { subResources: ['exec'] }, is: 'no' },
    'to a namespace by prefix': { match: { namespaces: ['sh*'] }, is: 'yes' },
    'not to other namespaces': { match: { namespaces: ['kube-*'] }, is: 'no' },
    'not to an excluded namespace': { match: { excludedNamespaces: ['shop'] }, is: 'no' },
    'to cluster-scoped objects despite excluded namespaces': {
      match: { excludedNamespaces: ['*'] },
      request: clusterScoped,
      is: 'yes',
    },
    'to cluster scope only': { match: { scope: 'Cluster' }, is: 'no' },
    'to a Namespace as a cluster-scoped object': { match: { scope: 'Cluster' }, request: namespaceObject, is: 'yes' },
    'not to a Namespace as a namespaced object': { match: { scope: 'Namespaced' }, request: namespaceObject, is: 'no' },
    'by label of the object': { match: { labelSelector: { matchLabels: { app: 'web' } } }, is: 'yes' },
    'not without the label': { match: { labelSelector: teamA }, is: 'no' },
    'when the label was taken off in this very request': {
      match: { labelSelector: teamA },
      request: { operation: 'UPDATE', oldObject: pod({ metadata: { name: 'web', labels: { team: 'a' } } }) },
      is: 'yes',
    },
    'by label of the namespace': { match: { namespaceSelector: teamA }, namespace: known({ team: 'a' }), is: 'yes' },
    'not when the namespace lacks the label': { match: { namespaceSelector: teamA }, namespace: known({}), is: 'no' },
    'for the time being when the namespace is unknown': {
      match: { namespaceSelector: teamA },
      namespace: 'unknown',
      is: 'assumed',
    },
    'to cluster-scoped objects despite a namespaceSelector': {
      match: { namespaceSelector: teamA },
      request: clusterScoped,
      namespace: null,
      is: 'yes',
    },
    'to a Namespace by its own labels': {
      match: { namespaceSelector: teamA },
      request: namespaceObject,
      namespace: 'unknown',
      is: 'yes',
    },
  }
  for (const [name, { match, request, namespace = known({}), is }] of Object.entries(cases)) {
    const made = admissionRequest(request)
    t.equal(matchesType(match, made, WORKLOADS) ? matchSelectors(match, made, namespace) : 'no', is, name)
  }
  t.end()
})

t.test('names match literally, by prefix or by suffix', t => {
  t.equal(matchesName('team-a', ['team-*']), true)
  t.equal(matchesName('a-prod', ['*-prod']), true)
  t.equal(matchesName('anything', ['*']), true)
  t.equal(matchesName('team', ['team-*']), false)
  t.equal(matchesName('constructor', ['toString']), false)
  t.equal(matchesName('x', []), false)
  t.end()
})

t.test('selectors', t => {
  const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: string[]): LabelSelector => ({
    matchExpressions: [{ key: 'tier', operator, ...(values ? { values } : {}) }],
  })
  const cases: Record<string, { selector: LabelSelector; labels: Record<string, string>; is: boolean }> = {
    'an empty selector selects everything': { selector: {}, labels: {}, is: true },
    'In with a listed value': { selector: expression('In', ['web']), labels: { tier: 'web' }, is: true },
    'In with another value': { selector: expression('In', ['web']), labels: { tier: 'db' }, is: false },
    'In without the label': { selector: expression('In', ['']), labels: {}, is: false },
    'NotIn with a listed value': { selector: expression('NotIn', ['web']), labels: { tier: 'web' }, is: false },
    'NotIn without the label': { selector: expression('NotIn', ['web']), labels: {}, is: true },
    'Exists with an empty value': { selector: expression('Exists'), labels: { tier: '' }, is: true },
    'Exists without the label': { selector: expression('Exists'), labels: {}, is: false },
    'DoesNotExist with the label': { selector: expression('DoesNotExist'), labels: { tier: '' }, is: false },
    'DoesNotExist without the label': { selector: expression('DoesNotExist'), labels: {}, is: true },
    'a label named like a method of objects': { selector: { matchLabels: { toString: 'x' } }, labels: {}, is: false },
  }
  for (const [name, { selector, labels, is }] of Object.entries(cases)) t.equal(selects(selector, labels), is, name)

  const label = fc.constantFrom('a', 'b', 'constructor', '__proto__')
  fc.assert(
    fc.property(fc.dictionary(label, label), label, fc.array(label), (labels, key, values) => {
      const not = (operator: 'In' | 'Exists', opposite: 'NotIn' | 'DoesNotExist') =>
        selects({ matchExpressions: [{ key, operator, values }] }, labels) !==
        selects({ matchExpressions: [{ key, operator: opposite, values }] }, labels)
      return not('In', 'NotIn') && not('Exists', 'DoesNotExist')
    }),
  )
  t.end()
})
