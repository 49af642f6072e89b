import t from 'tap'
import type { Decision, NamespaceInfo } from '../../../../src/decision-types.js'
import { compileModule, createGate, parseBundle } from '../../../../src/gate.js'
import { startWorker } from '../../../../src/io/pool-thread.js'
import type { NamespaceChange } from '../../../../src/io/pool-messages.js'
import { createPool, type NamespaceDirectory, type PoolOptions } from '../../../../src/io/pool.js'
import { stringifyJson, type Json, type JsonObject } from '../../../../src/json.js'
import { fixtureBundle } from '../../../helpers/bundles.js'
import { modelFiles } from '../../../helpers/models.js'
import { admissionRequest, contextOf, pod } from '../../../helpers/requests.js'

const found = ({ violations }: Decision) => violations.map(({ policy, message }) => [policy, message])
const limited = pod({
  spec: { containers: [{ name: 'web', image: 'web:1', resources: { limits: { memory: '1073741824' } } }] },
})

/** Opens a pool for one test and closes it whatever happens. */
async function withPool<T>(
  options: PoolOptions,
  use: (pool: Awaited<ReturnType<typeof createPool>>) => Promise<T>,
): Promise<T> {
  const pool = await createPool({ allowUnsigned: true, ...options })
  try {
    return await use(pool)
  } finally {
    await pool.close()
  }
}

t.test('a pool says what a gate says', async t => {
  const files = await fixtureBundle('mixed')
  const gate = await createGate(parseBundle(files, { allowUnsigned: true }))
  const request = admissionRequest()
  const wanted = await gate.review(request, contextOf())
  await withPool({ files, workers: 2 }, async pool => {
    const decisions = await Promise.all(Array.from({ length: 50 }, () => pool.review(request, contextOf())))
    for (const decision of decisions) t.equal(JSON.stringify(decision), JSON.stringify(wanted))
  })
})

t.test('each thread runs the models of the bundle, and is ended with them safely', async t => {
  const files = new Map([...(await fixtureBundle('spinning')), ...modelFiles()])
  const gate = await createGate(parseBundle(await fixtureBundle('mixed'), { allowUnsigned: true }))
  t.equal((await gate.review(admissionRequest(), contextOf())).risk, null, 'without a model there is no score')
  const object = pod({ spec: { containers: [{ name: 'web', image: 'a', securityContext: { privileged: true } }] } })
  const request = admissionRequest({ object })
  // The spinning policy ends a thread with each new request, while others may be scoring.
  await withPool({ files, workers: 2, policyTimeoutMs: 100, requestTimeoutMs: 60_000 }, async pool => {
    const decisions = await Promise.all([1, 2, 3, 4].map(() => pool.review(request, contextOf())))
    for (const { risk, anomaly } of decisions)
      t.strictSame([risk?.kind, risk?.score.toFixed(4), anomaly?.of], ['object', '0.9526', 'object'])
  })
})

t.test('a bundle with a model that cannot be run starts no thread', async t => {
  const files = new Map([...(await fixtureBundle('mixed')), ...modelFiles({ objects: { metadata: { schema: 2 } } })])
  await t.rejects(createPool({ files, allowUnsigned: true }), { code: 'BUNDLE_MODEL_INVALID' })
})

t.test('a policy that never ends is stopped, named, and the others go on', async t => {
  const files = await fixtureBundle('spinning')
  await withPool({ files, workers: 2, policyTimeoutMs: 100, requestTimeoutMs: 60_000 }, async pool => {
    const decisions = await Promise.all([1, 2, 3].map(() => pool.review(admissionRequest(), contextOf())))
    for (const decision of decisions) {
      t.strictSame(found(decision), [
        ['spinning', 'the policy could not be evaluated: it ran for more than 100 ms and was stopped'],
        ['before', 'Pod before'],
        ['zealous', 'Pod after'],
      ])
      t.strictSame(
        decision.degraded.filter(each => each.policy !== undefined).map(each => ({ ...each })),
        [
          {
            code: 'POLICY_KILLED',
            policy: 'spinning',
            text: 'the policy could not be evaluated: it ran for more than 100 ms and was stopped',
          },
        ],
      )
      t.equal(decision.allowed, false)
    }
  })
})

t.test("OPA's own replace with an empty search string is stopped like any policy", async t => {
  const files = await fixtureBundle('native-replace')
  await withPool({ files, workers: 1, policyTimeoutMs: 100, requestTimeoutMs: 60_000 }, async pool => {
    const decision = await pool.review(admissionRequest({ object: limited }), contextOf())
    t.strictSame(found(decision), [
      ['memory', 'the policy could not be evaluated: it ran for more than 100 ms and was stopped'],
    ])
    t.strictSame(found(await pool.review(admissionRequest(), contextOf())), [], 'and the pool goes on')
  })
})

t.test('a request has a deadline of its own', async t => {
  const files = await fixtureBundle('spinning')
  await withPool({ files, workers: 1, policyTimeoutMs: 60_000, requestTimeoutMs: 100 }, async pool => {
    await t.rejects(pool.review(admissionRequest(), contextOf()), {
      code: 'GATE_DEADLINE',
      message: 'the request was not judged within 100 ms (policy spinning was running)',
    })
  })
})

t.test('more requests than may wait are turned away', async t => {
  const files = await fixtureBundle('spinning')
  await withPool({ files, workers: 1, maxQueue: 1, policyTimeoutMs: 100, requestTimeoutMs: 60_000 }, async pool => {
    const first = pool.review(admissionRequest(), contextOf())
    await t.rejects(pool.review(admissionRequest(), contextOf()), { code: 'GATE_OVERLOADED' })
    t.equal((await first).allowed, false)
  })
})

t.test('a pool that closes answers what waits and what runs', async t => {
  const pool = await createPool({
    files: await fixtureBundle('spinning'),
    allowUnsigned: true,
    workers: 1,
    policyTimeoutMs: 60_000,
  })
  const waiting = [1, 2].map(() => pool.review(admissionRequest(), contextOf()))
  const rejected = Promise.all(waiting.map(each => t.rejects(each, { code: 'GATE_CLOSED' })))
  await pool.close()
  await rejected
  await t.rejects(pool.review(admissionRequest(), contextOf()), { code: 'GATE_CLOSED' })
})

t.test('a thread is not ended while it starts, because its end could get lost', async t => {
  const files = await fixtureBundle('mixed')
  const module = compileModule(parseBundle(files, { allowUnsigned: true }).wasm)
  const events: string[] = []
  const thread = startWorker(
    { files, allowUnsigned: true, cacheBytes: 0, module, namespaces: null },
    {
      onReady: () => events.push('ready'),
      onDone: () => events.push('done'),
      onExit: () => events.push('exit'),
    },
  )
  t.equal(thread.ready, false)
  await thread.terminate()
  t.strictSame([thread.ready, events], [true, ['ready']])
})

t.test('a request that cannot be read is refused, not lost', async t => {
  await withPool({ files: await fixtureBundle('mixed'), workers: 1 }, async pool => {
    const broken = { ...admissionRequest(), kind: undefined } as unknown as ReturnType<typeof admissionRequest>
    await t.rejects(pool.review(broken, contextOf()), { name: 'GateError' })
    t.equal((await pool.review(admissionRequest(), contextOf())).resource.name, 'web', 'and the thread goes on')
  })
})

const review = (object: JsonObject = pod()): Buffer => {
  const request = { ...admissionRequest({ object }), options: null }
  return Buffer.from(
    stringifyJson({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request } as unknown as Json),
  )
}
const work = (timeoutMs = 60_000) => ({
  now: '2026-06-01T12:00:00Z',
  deadlineMs: performance.now() + timeoutMs,
  withDecision: true,
})

t.test('a review is answered by its bytes', async t => {
  await withPool({ files: await fixtureBundle('mixed'), workers: 2, warm: true }, async pool => {
    const { response, uid, record, decision } = await pool.admit(review(), work())
    t.equal(uid, admissionRequest().uid)
    t.equal(record.allowed, false)
    const provenance = { class: 'out-of-band-unmanaged', evidence: ['actor'] } as const
    const context = contextOf({ namespace: 'unknown', provenance })
    const wanted = await (await createGate(pool.bundle)).review(admissionRequest(), context)
    t.equal(decision?.id, wanted.id, 'there is no cluster to ask for the namespace')
    t.match(JSON.parse(response), { response: { uid, allowed: false } })
    const bare = await pool.admit(review(), { ...work(), withDecision: false })
    t.strictSame([bare.decision, { ...bare.record, cache: record.cache }], [null, record])
    const malformed = await pool.admit(Buffer.from('{'), work())
    t.strictSame([malformed.uid, malformed.record.error?.code], ['', 'MANIFEST_SYNTAX'])
  })
})

t.test('a policy that never ends leaves time for the answer', async t => {
  await withPool({ files: await fixtureBundle('spinning'), workers: 1, warm: true }, async pool => {
    // A third of the time is the policy's, whatever the pool allows a policy.
    const { decision } = await pool.admit(review(), work(3_000))
    t.strictSame(decision === null ? [] : found(decision)[0], [
      'spinning',
      'the policy could not be evaluated: it ran for more than 1000 ms and was stopped',
    ])
  })
})

t.test('a review that waited too long is not judged any more', async t => {
  await withPool({ files: await fixtureBundle('spinning'), workers: 1, policyTimeoutMs: 60_000 }, async pool => {
    const running = pool.admit(review(), work(1_500))
    const waiting = pool.admit(review(), work(300))
    await t.rejects(waiting, {
      code: 'GATE_DEADLINE',
      message: 'the request was not judged in time: it waited for a thread',
    })
    await running.catch(() => undefined)
  })
})

t.test('threads know the namespaces of the cluster, and one that they do not know is asked for', async t => {
  let tell: (changes: readonly NamespaceChange[]) => void = () => undefined
  const asked: string[] = []
  const info = (team: string): NamespaceInfo => ({ labels: { team }, annotations: {} })
  const directory: NamespaceDirectory = {
    known: () => [['shop', info('shop')]],
    onChange: listener => {
      tell = listener
      return () => undefined
    },
    lookUp: name => {
      asked.push(name)
      return Promise.resolve(name === 'new' ? { info: info('new') } : { problem: 'HTTP 500' })
    },
  }
  // Its policy repeats a label of the namespace, which the Decision's id holds.
  await withPool({ files: await fixtureBundle('mixed'), workers: 2, warm: true, namespaces: directory }, async pool => {
    const admitIn = async (namespace: string) => {
      const request = { ...admissionRequest({ namespace }), options: null }
      const body = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request }
      return pool.admit(Buffer.from(stringifyJson(body as unknown as Json)), work())
    }
    const idFor = async (namespace: string, known: NamespaceInfo) => {
      const gate = await createGate(pool.bundle)
      const provenance = { class: 'out-of-band-unmanaged', evidence: ['actor'] } as const
      return (await gate.review(admissionRequest({ namespace }), contextOf({ namespace: known, provenance }))).id
    }
    t.equal((await admitIn('shop')).record.decisionId, await idFor('shop', info('shop')))
    tell([['shop', info('changed')]])
    for (let i = 0; i < 4; i += 1) {
      t.equal((await admitIn('shop')).record.decisionId, await idFor('shop', info('changed')), 'in every thread')
    }
    t.strictSame(asked, [])
    t.equal((await admitIn('new')).record.decisionId, await idFor('new', info('new')))
    tell([['shop', null]])
    const gone = await admitIn('shop')
    t.strictSame(
      [gone.uid, gone.record.allowed, gone.record.error],
      [
        admissionRequest().uid,
        false,
        { code: 'NAMESPACE_LOOKUP_FAILED', message: 'the namespace shop could not be looked up: HTTP 500' },
      ],
    )
    t.strictSame(asked, ['new', 'shop'])
  })
})

t.test('a pool that drains answers what it has', async t => {
  const files = await fixtureBundle('spinning')
  const pool = await createPool({ files, allowUnsigned: true, workers: 1, policyTimeoutMs: 100 })
  const running = [pool.admit(review(), work()), pool.admit(review(), work())]
  const drained = pool.drain()
  await t.rejects(pool.admit(review(), work()), { code: 'GATE_CLOSED' })
  for (const each of running) t.equal((await each).record.error, null)
  await drained
})

t.test('a bundle that cannot be used starts no pool', async t => {
  await t.rejects(createPool({ files: await fixtureBundle('missing-builtin'), allowUnsigned: true }), {
    code: 'BUNDLE_BUILTIN_MISSING',
  })
  await t.rejects(createPool({ files: await fixtureBundle('mixed') }), { code: 'BUNDLE_UNSIGNED' })
})
