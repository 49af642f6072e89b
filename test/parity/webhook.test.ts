import { join } from 'node:path'
import t from 'tap'
import type { AdmissionRequest } from '../../src/admission.js'
import type { Decision, NamespaceInfo } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { createPool } from '../../src/io/pool.js'
import { stringifyJson, type Json } from '../../src/json.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { actorProvenance } from '../../src/provenance/actor.js'
import { buildRequest } from '../../src/request.js'
import { contextOf } from '../helpers/requests.js'
import { ROOT } from '../helpers/repository.js'
import { requestSamples, samples } from '../helpers/samples.js'
import { startTestServer } from '../helpers/webhook-server.js'

// The webhook's door of the parity suite: what comes over TLS is judged as `review` judges the same request and context.

const NOW = '2026-06-01T12:00:00Z'
const files = await loadBundleFiles(join(ROOT, 'policies/bundle'))
const bundle = parseBundle(files, { allowUnsigned: true })
const gate = await createGate(bundle)
const { userInfo } = bundle.config.prediction

interface Case {
  readonly name: string
  readonly request: AdmissionRequest
  /** null: the request is about nothing in a namespace. */
  readonly namespace: NamespaceInfo | null
}

const NOTHING: NamespaceInfo = { labels: {}, annotations: {} }

/** Every sample, as the API server would send it: there the labels of a namespace are always known. */
function cases(): readonly Case[] {
  const manifests = samples().flatMap(({ path, manifests }) => {
    const infos = new Map(
      manifests
        .filter(({ object }) => object.kind === 'Namespace')
        .map(({ object: { metadata } }) => [metadata.name, namespaceInfo(metadata)]),
    )
    return manifests.map(({ object, source }): Case => {
      const request = buildRequest({ object, base: null, userInfo, namespace: 'default' })
      const { namespace } = request
      const info = namespace === undefined ? null : (infos.get(namespace) ?? NOTHING)
      return { name: `${path}#${source.document}`, request, namespace: info }
    })
  })
  const requests = requestSamples().map(({ path, request, namespace }): Case => {
    const isNamespace = request.kind.group === '' && request.kind.kind === 'Namespace'
    const metadata = (request.object ?? request.oldObject)?.metadata
    const own = isNamespace ? namespaceInfo(metadata) : namespace
    return { name: path, request, namespace: own === 'unknown' ? NOTHING : own }
  })
  return [...manifests, ...requests]
}

t.test('the webhook says what the engine says', async t => {
  let current: NamespaceInfo = NOTHING
  const pool = await createPool({
    files,
    allowUnsigned: true,
    workers: 2,
    warm: true,
    namespaces: {
      known: () => [],
      onChange: () => () => undefined,
      lookUp: () => Promise.resolve({ info: current }),
    },
  })
  t.teardown(() => pool.close())
  const bed = await startTestServer(t, (body, work) => pool.admit(body, work), {
    now: () => Date.parse(NOW),
    withDecision: true,
  })
  let compared = 0
  for (const { name, request, namespace } of cases()) {
    current = namespace ?? NOTHING
    const provenance = actorProvenance(request.userInfo, userInfo.username)
    // Policies that judge others' objects are given none here, and say the same of them everywhere.
    const wanted = await gate.review(request, contextOf({ gate: 'webhook', now: NOW, namespace, provenance }))
    const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request }
    const { status } = await bed.post(stringifyJson(review as unknown as Json), { path: '/validate?timeout=30s' })
    const decision = bed.answered.pop()?.decision ?? null
    t.strictSame([status, text(decision)], [200, text(wanted)], name)
    compared += 1
  }
  t.ok(compared > 350, `${compared} samples`)
})

function text(decision: Decision | null): string {
  return stringifyJson(decision as unknown as Json)
}
