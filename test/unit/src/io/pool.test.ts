import t from 'tap'
import type { Decision } from '../../../../src/decision-types.js'
import { compileModule, createGate, parseBundle } from '../../../../src/gate.js'
import { startWorker } from '../../../../src/io/pool-thread.js'
import { createPool, type PoolOptions } from '../../../../src/io/pool.js'
import { fixtureBundle } from '../../../helpers/bundles.js'
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
    { files, allowUnsigned: true, module, namespaces: null },
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

t.test('a bundle that cannot be used starts no pool', async t => {
  await t.rejects(createPool({ files: await fixtureBundle('missing-builtin'), allowUnsigned: true }), {
    code: 'BUNDLE_BUILTIN_MISSING',
  })
  await t.rejects(createPool({ files: await fixtureBundle('mixed') }), { code: 'BUNDLE_UNSIGNED' })
})
