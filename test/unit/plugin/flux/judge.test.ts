import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { create } from 'tar'
import type { SetDecision } from '../../../../src/decision-types.js'
import { lockkeeper } from '../../../helpers/command.js'
import { plainKustomize } from '../../../helpers/plain-kustomize.js'

const FLUX = 'kustomize.toolkit.fluxcd.io'
const OWNER = { [`${FLUX}/name`]: 'shop', [`${FLUX}/namespace`]: 'default' }
const configMap = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop' },
  ...more,
})
const stream = (objects: readonly object[]) => objects.map(each => `---\n${JSON.stringify(each)}\n`).join('')

const KUSTOMIZATION = {
  apiVersion: `${FLUX}/v1`,
  kind: 'Kustomization',
  metadata: { name: 'shop' },
  spec: {
    interval: '1h',
    prune: true,
    path: './app',
    sourceRef: { kind: 'GitRepository', name: 'shop' },
    postBuild: {
      substituteFrom: [
        { kind: 'ConfigMap', name: 'vars' },
        { kind: 'Secret', name: 'more' },
      ],
    },
  },
}
const VARIABLES = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vars' }, data: { A: 'a', B: 'a' } },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'more', namespace: 'default' },
    data: { B: 'Yg==' },
    stringData: { C: 'c' },
  },
]

/** Writes an artifact and what it feeds, and gives the arguments that name them. */
async function written(
  t: Test,
  manifests: readonly object[],
  beside: readonly object[] = [KUSTOMIZATION, ...VARIABLES],
) {
  const directory = t.testdir({ tree: {} })
  const tree = join(directory, 'tree')
  mkdirSync(join(tree, 'app'))
  writeFileSync(join(tree, 'app/manifests.yaml'), stream(manifests))
  const archive = join(directory, 'artifact.tgz')
  await pipeline(create({ gzip: true, portable: true, cwd: tree }, ['app']), createWriteStream(archive))
  const file = join(directory, 'shop.yaml')
  writeFileSync(file, stream(beside))
  const options = ['--kustomize', plainKustomize(directory), '--workers', '1', '--now', '2026-06-01T12:00:00Z']
  return { directory, archive, args: ['flux', 'judge', ...options, archive, file] }
}

const decided = (stdout: string) => {
  const { decisions } = JSON.parse(stdout) as SetDecision
  return decisions.map(({ resource: { kind, namespace = '', name }, degraded }) => ({
    object: `${kind} ${namespace}/${name}`,
    degraded: degraded.map(each => each.code).filter(code => code === 'BASE_UNKNOWN'),
  }))
}

t.test('an artifact is judged with the variables beside its Kustomization', async t => {
  const { args } = await written(t, [configMap('${A}-${B}-${C}')])
  const { status, stdout } = lockkeeper([...args, '--format', 'json'])
  t.equal(status, 0)
  t.strictSame(decided(stdout), [{ object: 'ConfigMap shop/a-b-c', degraded: ['BASE_UNKNOWN'] }])
  const text = lockkeeper([...args])
  t.match(text.stdout, /^Kustomization default\/shop: allowed \(1 object\)$/m)
})

t.test('what is live comes from a file', async t => {
  const { args, directory } = await written(t, [configMap('settings')])
  const live = join(directory, 'live.yaml')
  writeFileSync(
    live,
    stream([
      configMap('settings'),
      configMap('gone', { metadata: { name: 'gone', namespace: 'shop', labels: OWNER } }),
      configMap('other'),
    ]),
  )
  const { status, stdout } = lockkeeper([...args, '--format', 'json', '--base', live])
  t.equal(status, 0)
  t.strictSame(decided(stdout), [
    { object: 'ConfigMap shop/settings', degraded: [] },
    { object: 'ConfigMap shop/gone', degraded: [] },
  ])
})

t.test('the exit code is the answer', async t => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'rooted', namespace: 'shop' },
    spec: { containers: [{ name: 'main', image: 'nginx:1.29.3', securityContext: { privileged: true } }] },
  }
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
  }
  const denied = await written(t, [namespace, pod])
  writeFileSync(join(denied.directory, 'live.yaml'), stream([namespace]))
  const base = ['--base', join(denied.directory, 'live.yaml')]
  const { status, stdout } = lockkeeper([...denied.args, ...base])
  t.equal(status, 1)
  t.match(stdout, /^Kustomization default\/shop: denied \(2 objects\)$/m)
  const quiet = lockkeeper([...denied.args, ...base, '-q'])
  t.strictSame([quiet.status, quiet.stdout, quiet.stderr], [1, '', ''])

  const warned = await written(t, [pod])
  t.equal(lockkeeper([...warned.args, '-q']).status, 0)
  t.equal(lockkeeper([...warned.args, '-q', '--fail-on-warn']).status, 3)

  const unset = await written(t, [configMap('a', { data: { a: '<${NOBODY}>' } })])
  const strict = lockkeeper([...unset.args])
  t.equal(strict.status, 2)
  t.match(
    strict.stderr,
    /Kustomization default\/shop: variables cannot be substituted in ConfigMap a: NOBODY is not set/,
  )
  t.match(strict.stdout, /could not be judged/)
  t.equal(lockkeeper([...unset.args, '-q', '--lenient']).status, 0)
})

t.test('what cannot be judged at all', async t => {
  const { args, archive, directory } = await written(t, [configMap('a')], VARIABLES)
  const none = lockkeeper(args)
  t.equal(none.status, 2)
  t.match(none.stderr, /no Kustomization of Flux is in .*shop\.yaml \(MANIFEST_NONE\)/)
  writeFileSync(join(directory, 'shop.yaml'), stream([KUSTOMIZATION, ...VARIABLES]))
  writeFileSync(archive, 'no archive')
  const broken = lockkeeper(args)
  t.equal(broken.status, 2)
  t.strictSame(broken.stdout, '')
  t.match(broken.stderr, /ARTIFACT_INVALID/)
})

t.test('what is not judged is noted', async t => {
  const release = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {},
  }
  const { args } = await written(t, [release])
  const { stderr } = lockkeeper(args)
  t.match(
    stderr,
    /^lockkeeper: note: Kustomization default\/shop: HelmRelease shop\/web: what the charts render to is not judged/m,
  )
})
