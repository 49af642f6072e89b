import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { create } from 'tar'
import { finishObject } from '../../plugin/flux/kustomization/finish-object.js'
import { isLeftAlone } from '../../plugin/flux/kustomization/marks.js'
import { readKustomizationSpec } from '../../plugin/flux/kustomization/spec.js'
import { requesterOf } from '../../plugin/flux/judgement/requester.js'
import { judgeArtifact } from '../../plugin/flux/main.js'
import { bareContext, PREDICTED } from '../../src/context.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { stringifyJson, type Json } from '../../src/json.js'
import type { KubeObject } from '../../src/manifest.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { buildRequest } from '../../src/request.js'
import { plainKustomize } from '../helpers/plain-kustomize.js'
import { ROOT } from '../helpers/repository.js'
import { samples } from '../helpers/samples.js'

// The Flux door of the parity suite: what is in an artifact is judged as `review` judges the same request and context.

const NOW = '2026-06-01T12:00:00Z'
const KUSTOMIZATION = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'sample', namespace: 'default' },
  spec: { interval: '1h', prune: true, path: './', sourceRef: { kind: 'ExternalArtifact', name: 'sample' } },
}
const SPEC = readKustomizationSpec(KUSTOMIZATION)

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

/** What the engine says of the request that kustomize-controller would send. */
async function reference(object: KubeObject) {
  const userInfo = requesterOf(SPEC, bundle.config.prediction)
  const request = buildRequest({ object: finishObject(object, SPEC), base: null, userInfo, namespace: 'default' })
  const { namespace } = request
  const isNamespace = object.apiVersion === 'v1' && object.kind === 'Namespace'
  const known = isNamespace
    ? namespaceInfo(finishObject(object, SPEC).metadata)
    : bundle.namespaces.get(namespace ?? '')
  const context = bareContext({
    gate: 'flux',
    now: NOW,
    namespace: namespace === undefined ? null : (known ?? 'unknown'),
    provenance: PREDICTED,
  })
  return gate.review(request, { ...context, base: 'unknown' })
}

t.test('an artifact is judged as the engine judges', async t => {
  const directory = t.testdir({ tree: {} })
  const kustomize = plainKustomize(directory)
  const kustomization = join(directory, 'kustomization.json')
  writeFileSync(kustomization, JSON.stringify(KUSTOMIZATION))
  const archive = join(directory, 'artifact.tgz')
  const tree = join(directory, 'tree')
  const judge = async (text: string) => {
    writeFileSync(join(tree, 'manifests.yaml'), text)
    await pipeline(create({ gzip: true, portable: true, cwd: tree }, ['manifests.yaml']), createWriteStream(archive))
    return judgeArtifact(
      { archive, kustomizations: [kustomization], now: NOW },
      {
        gate,
        render: { binaries: { kustomize }, env: {}, buildEnvironment: {} },
        signal: new AbortController().signal,
      },
    )
  }
  let compared = 0
  for (const { path, manifests } of samples()) {
    for (const { object, source, text } of manifests) {
      const name = `${path}#${source.document}`
      const { set, kustomizations } = await judge(text)
      const [decision] = set.decisions
      if (object.metadata.name === undefined) {
        t.match(kustomizations, [{ action: 'error', message: /has no name/ }], name)
        t.strictSame(set.decisions, [], name)
      } else if (isLeftAlone(object)) {
        t.strictSame(set.decisions, [], name)
        t.match(kustomizations, [{ action: 'allow', notes: [/left alone/] }], name)
      } else {
        const { file: _, line: __, ...resource } = decision?.resource ?? { apiVersion: '', kind: '', name: '' }
        const found = decision === undefined ? null : { ...decision, resource }
        const wanted = await reference(object)
        t.equal(stringifyJson(found as unknown as Json), stringifyJson(wanted as unknown as Json), name)
      }
      compared += 1
    }
  }
  t.ok(compared > 300, `${compared} samples`)
})
