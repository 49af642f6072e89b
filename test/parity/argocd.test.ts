import { join } from 'node:path'
import t from 'tap'
import { judgeRendered } from '../../plugin/argocd/judge.js'
import { bareContext, PREDICTED } from '../../src/context.js'
import type { SetDecision } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { stringifyJson, type Json } from '../../src/json.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { buildRequest } from '../../src/request.js'
import { ROOT } from '../helpers/repository.js'
import { samples } from '../helpers/samples.js'

// The Argo CD door of the parity suite: what a render says is judged as `review` judges the same request and context.

const NOW = '2026-06-01T12:00:00Z'
const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)
const { userInfo } = bundle.config.prediction

t.test('the plugin says what the engine says', async t => {
  let compared = 0
  for (const { path, manifests } of samples()) {
    for (const { object, source, text } of manifests) {
      const name = `${path}#${source.document}`
      const request = buildRequest({ object, base: null, userInfo, namespace: 'default' })
      const { namespace } = request
      // One manifest is one render: nothing else in it says what its namespace is, unless it is the Namespace itself.
      const isNamespace = object.apiVersion === 'v1' && object.kind === 'Namespace'
      const known = isNamespace ? namespaceInfo(object.metadata) : bundle.namespaces.get(namespace ?? '')
      const wanted = await gate.review(request, {
        ...bareContext({
          gate: 'argocd',
          now: NOW,
          namespace: namespace === undefined ? null : (known ?? 'unknown'),
          provenance: PREDICTED,
        }),
        base: 'unknown',
      })
      const found: SetDecision[] = []
      await judgeRendered(
        {
          rendered: [{ file: 'sample.yaml', text }],
          subject: { application: 'sample', project: 'default', destinationNamespace: 'default' },
          revision: '',
          now: NOW,
          failOnWarn: false,
          seeAll: '',
        },
        {
          gate,
          live: () => Promise.resolve('unknown'),
          annotations: () => ({}),
          judged: set => {
            found.push(set)
            return Promise.resolve()
          },
          notes: () => [],
          step: () => undefined,
        },
      )
      const [decision] = found[0]?.decisions ?? []
      const { file: _, line: __, ...resource } = decision?.resource ?? { apiVersion: '', kind: '', name: '' }
      const comparable = decision === undefined ? null : { ...decision, resource }
      t.equal(stringifyJson(comparable as unknown as Json), stringifyJson(wanted as unknown as Json), name)
      compared += 1
    }
  }
  t.ok(compared > 300, `${compared} samples`)
})
