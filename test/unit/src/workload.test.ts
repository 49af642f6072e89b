import { readFileSync } from 'node:fs'
import t from 'tap'
import type { JsonObject } from '../../../src/json.js'
import { resourceOf } from '../../../src/resources.js'
import {
  groupOf,
  isWorkload,
  parseWorkloads,
  podTemplates,
  workloadContainers,
  WORKLOADS,
  type WorkloadEntry,
} from '../../../src/workload.js'

const template = { metadata: {}, spec: { containers: [{ name: 'a' }] } }

t.test('the table is the one that policies read', t => {
  const data = JSON.parse(readFileSync('policies/data/workloads.json', 'utf8')) as unknown
  t.strictSame(data, { lockkeeper: { workloads: WORKLOADS } })
  t.strictSame(parseWorkloads(WORKLOADS), { entries: WORKLOADS, problems: [] }, 'and would pass as configuration')
  t.end()
})

t.test('pod templates', t => {
  const extra: WorkloadEntry[] = [
    { group: 'example.org', kind: 'Farm', path: '/spec/pools/*/template' },
    { group: 'example.org', kind: 'Farm', path: '/spec/pools/0/template' },
    { group: 'example.org', kind: 'Farm', path: '/spec/a~1b/c~0d' },
  ]
  const cases: Record<string, { object: JsonObject; paths: string[] }> = {
    'a Pod is its own template': { object: { apiVersion: 'v1', kind: 'Pod', ...template }, paths: [''] },
    'a Deployment': {
      object: { apiVersion: 'apps/v1', kind: 'Deployment', spec: { template } },
      paths: ['/spec/template'],
    },
    'a Deployment of an old group and version': {
      object: { apiVersion: 'extensions/v1beta1', kind: 'Deployment', spec: { template } },
      paths: ['/spec/template'],
    },
    'a CronJob': {
      object: { apiVersion: 'batch/v1', kind: 'CronJob', spec: { jobTemplate: { spec: { template } } } },
      paths: ['/spec/jobTemplate/spec/template'],
    },
    'a PodTemplate': { object: { apiVersion: 'v1', kind: 'PodTemplate', template }, paths: ['/template'] },
    'a Rollout of Argo': {
      object: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', spec: { template } },
      paths: ['/spec/template'],
    },
    'a Service of Knative': {
      object: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', spec: { template } },
      paths: ['/spec/template'],
    },
    'a Service of the core group': { object: { apiVersion: 'v1', kind: 'Service', spec: { template } }, paths: [] },
    'a template that is not there': { object: { apiVersion: 'apps/v1', kind: 'Deployment', spec: {} }, paths: [] },
    'a template that is no object': {
      object: { apiVersion: 'apps/v1', kind: 'Deployment', spec: { template: [template] } },
      paths: [],
    },
    'an object without apiVersion': { object: { kind: 'Pod', ...template }, paths: [] },
    'every item of a list, each once': {
      object: { apiVersion: 'example.org/v1', kind: 'Farm', spec: { pools: [{ template }, {}, { template }] } },
      paths: ['/spec/pools/0/template', '/spec/pools/2/template'],
    },
    'every key of an object, with its pointer escaped': {
      object: { apiVersion: 'example.org/v1', kind: 'Farm', spec: { pools: { 'a/b~c': { template } } } },
      paths: ['/spec/pools/a~1b~0c/template'],
    },
    'a pointer with escaped keys': {
      object: { apiVersion: 'example.org/v1', kind: 'Farm', spec: { 'a/b': { 'c~d': template } } },
      paths: ['/spec/a~1b/c~0d'],
    },
  }
  for (const [name, { object, paths }] of Object.entries(cases)) {
    const found = podTemplates(object, [...WORKLOADS, ...extra])
    t.strictSame(
      found.map(each => each.path),
      paths,
      name,
    )
    t.strictSame(
      found.map(each => (each.path === '' ? object : template)),
      found.map(each => each.template),
      `${name}: the templates themselves`,
    )
  }
  const inherited: WorkloadEntry[] = [{ group: '', kind: 'Odd', path: '/__proto__' }]
  t.strictSame(podTemplates({ apiVersion: 'v1', kind: 'Odd' }, inherited), [], 'what a prototype has is not there')
  t.end()
})

t.test('kinds of workloads', t => {
  t.equal(isWorkload('apps', 'Deployment', WORKLOADS), true)
  t.equal(isWorkload('', 'Deployment', WORKLOADS), false)
  t.equal(isWorkload('', 'Service', WORKLOADS), false)
  t.equal(groupOf('apps/v1'), 'apps')
  t.equal(groupOf('v1'), '')
  t.end()
})

t.test('containers of all three lists, with pointers', t => {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: {
      template: {
        spec: {
          containers: [{ name: 'a' }, 'not an object', { name: 'b' }],
          initContainers: [{ name: 'c' }],
          ephemeralContainers: [{ name: 'd' }],
        },
      },
    },
  }
  t.strictSame(workloadContainers(object, WORKLOADS), [
    { path: '/spec/template/spec/initContainers/0', container: { name: 'c' }, list: 'initContainers' },
    { path: '/spec/template/spec/containers/0', container: { name: 'a' }, list: 'containers' },
    { path: '/spec/template/spec/containers/2', container: { name: 'b' }, list: 'containers' },
    { path: '/spec/template/spec/ephemeralContainers/0', container: { name: 'd' }, list: 'ephemeralContainers' },
  ])
  t.strictSame(workloadContainers({ apiVersion: 'v1', kind: 'Pod', spec: { containers: {} } }, WORKLOADS), [])
  t.strictSame(workloadContainers({ apiVersion: 'v1', kind: 'Pod', spec: null }, WORKLOADS), [])
  t.end()
})

t.test('configured workloads', t => {
  t.strictSame(parseWorkloads({}), { entries: [], problems: [{ path: '', message: 'must be a list' }] })
  const good = { group: 'example.org', kind: 'Farm', path: '/spec/pools/*/template' }
  t.strictSame(
    parseWorkloads([
      good,
      7,
      { group: 'Upper', kind: 'farm', path: 'spec' },
      { group: '', kind: 'A', path: '/a//b' },
      { group: '', kind: 'A', path: '/a~2' },
      { group: '', kind: 'A', path: '/*/*/*' },
      { group: '', kind: 'A', path: '/a'.repeat(21) },
      { kind: 'A', path: null, extra: 1 },
      { group: '', kind: 'A', path: '/metadata/template' },
      { group: '', kind: 'A', path: '/status' },
    ]),
    {
      entries: [good],
      problems: [
        { path: '[1]', message: 'must be a mapping with group, kind and path' },
        { path: '[2].group', message: 'must be an API group, "" for the core group' },
        { path: '[2].kind', message: 'must be a kind such as Deployment' },
        { path: '[2].path', message: 'must be a JSON pointer to the pod template, "" for the object itself' },
        { path: '[3].path', message: 'must be a JSON pointer to the pod template, "" for the object itself' },
        { path: '[4].path', message: 'must be a JSON pointer to the pod template, "" for the object itself' },
        { path: '[5].path', message: 'must have at most 2 segments "*"' },
        { path: '[6].path', message: 'must have at most 20 segments' },
        { path: '[7].extra', message: 'is not known here' },
        { path: '[7].group', message: 'must be a string' },
        { path: '[7].path', message: 'must be a string' },
        { path: '[8].path', message: 'must not lead into metadata' },
        { path: '[9].path', message: 'must not lead into status' },
      ],
    },
  )
  t.end()
})

t.test('resources and scopes', t => {
  const cases: Record<string, { group: string; kind: string; resource: string; scope: string }> = {
    'a Pod': { group: '', kind: 'Pod', resource: 'pods', scope: 'Namespaced' },
    'Endpoints have no plural': { group: '', kind: 'Endpoints', resource: 'endpoints', scope: 'Namespaced' },
    'an Ingress': { group: 'networking.k8s.io', kind: 'Ingress', resource: 'ingresses', scope: 'Namespaced' },
    'a NetworkPolicy': {
      group: 'networking.k8s.io',
      kind: 'NetworkPolicy',
      resource: 'networkpolicies',
      scope: 'Namespaced',
    },
    'a StorageClass': { group: 'storage.k8s.io', kind: 'StorageClass', resource: 'storageclasses', scope: 'Cluster' },
    'a Namespace': { group: '', kind: 'Namespace', resource: 'namespaces', scope: 'Cluster' },
    'a Gateway': { group: 'gateway.networking.k8s.io', kind: 'Gateway', resource: 'gateways', scope: 'Namespaced' },
    'a constraint of Gatekeeper': {
      group: 'constraints.gatekeeper.sh',
      kind: 'K8sAllowedRepos',
      resource: 'k8sallowedrepos',
      scope: 'Cluster',
    },
    'an unknown kind is guessed': { group: 'example.org', kind: 'Query', resource: 'queries', scope: 'unknown' },
    'an unknown kind that ends in s': { group: 'example.org', kind: 'Bus', resource: 'buses', scope: 'unknown' },
    'a known kind of another group': { group: 'example.org', kind: 'Pod', resource: 'pods', scope: 'unknown' },
    'a key of a prototype': { group: '', kind: 'constructor', resource: 'constructors', scope: 'unknown' },
  }
  for (const [name, { group, kind, resource, scope }] of Object.entries(cases)) {
    t.strictSame(resourceOf(group, kind), { resource, scope }, name)
  }
  for (const { group, kind } of WORKLOADS) t.not(resourceOf(group, kind).scope, 'unknown', `${group}/${kind} is known`)
  t.end()
})
