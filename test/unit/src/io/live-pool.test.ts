import t, { type Test } from 'tap'
import type { BundleFiles } from '../../../../src/gate.js'
import { createLivePool, type LivePool } from '../../../../src/io/live-pool.js'
import { createPool, type AdmissionWork, type Pool, type PoolOptions } from '../../../../src/io/pool.js'
import { stringifyJson, type Json } from '../../../../src/json.js'
import { fixtureBundle } from '../../../helpers/bundles.js'
import { admissionRequest } from '../../../helpers/requests.js'

const REVIEW = Buffer.from(
  stringifyJson({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: { ...admissionRequest(), options: null },
  } as unknown as Json),
)
const work = (): AdmissionWork => ({
  now: '2026-06-01T12:00:00Z',
  deadlineMs: performance.now() + 60_000,
  withDecision: true,
})

interface Bed {
  live: LivePool
  /** What the next look finds; an error is thrown. */
  found: BundleFiles | Error
  readonly bundles: string[]
  readonly refused: string[]
  readonly pools: { readonly pool: Pool; drained: boolean }[]
}

async function start(t: Test, found: Bed['found']): Promise<Bed> {
  const bed: Omit<Bed, 'live'> = { found, bundles: [], refused: [], pools: [] }
  const live = await createLivePool({
    load: () => (bed.found instanceof Error ? Promise.reject(bed.found) : Promise.resolve(bed.found)),
    // It looks when it is told to.
    pollMs: 3_600_000,
    pool: { workers: 1, allowUnsigned: true },
    onBundle: ({ digest }) => bed.bundles.push(digest),
    onRefused: ({ code }) => bed.refused.push(code),
    createPool: async (options: PoolOptions) => {
      const pool = await createPool(options)
      const entry = { pool: { ...pool, drain: () => ((entry.drained = true), pool.drain()) }, drained: false }
      bed.pools.push(entry)
      return entry.pool
    },
  })
  t.teardown(() => live.drain())
  return Object.assign(bed, { live })
}

const mixed = await fixtureBundle('mixed')
const parameters = await fixtureBundle('parameters')
const broken = await fixtureBundle('missing-builtin')

t.test('a new bundle judges from then on, and the old one answers what it has', async t => {
  const bed = await start(t, mixed)
  t.equal(bed.bundles.length, 1)
  const before = await bed.live.admit(REVIEW, work())
  t.equal(before.decision?.bundle.digest, bed.bundles[0])
  bed.found = parameters
  await bed.live.refresh()
  t.equal(bed.bundles.length, 1, 'what was seen only once may be half written')
  const running = bed.live.admit(REVIEW, work())
  await bed.live.refresh()
  t.equal((await running).decision?.bundle.digest, bed.bundles[0])
  t.equal((await bed.live.admit(REVIEW, work())).decision?.bundle.digest, bed.bundles[1])
  t.strictSame(bed.pools.map(each => each.drained), [true, false]) // prettier-ignore
  await bed.live.refresh()
  t.equal(bed.pools.length, 2, 'the same bundle is not loaded again')
})

t.test('a bundle that cannot be used is refused once, and the last good one stays', async t => {
  const bed = await start(t, mixed)
  bed.found = broken
  for (let i = 0; i < 3; i += 1) await bed.live.refresh()
  t.strictSame(bed.refused, ['BUNDLE_BUILTIN_MISSING'])
  bed.found = new Error('the disk is gone')
  for (let i = 0; i < 2; i += 1) await bed.live.refresh()
  t.strictSame(bed.refused, ['BUNDLE_BUILTIN_MISSING', 'BUNDLE_UNREADABLE'])
  t.equal((await bed.live.admit(REVIEW, work())).decision?.bundle.digest, bed.bundles[0])
  bed.found = mixed
  for (let i = 0; i < 2; i += 1) await bed.live.refresh()
  t.equal((await bed.live.admit(REVIEW, work())).decision?.bundle.digest, bed.bundles[0])
})

t.test('without a bundle nothing is judged until there is one', async t => {
  const bed = await start(t, new Error('not there yet'))
  t.equal(bed.live.current, null)
  await t.rejects(bed.live.admit(REVIEW, work()), { code: 'BUNDLE_UNREADABLE', message: 'not there yet' })
  bed.found = broken
  await bed.live.refresh()
  await t.rejects(bed.live.admit(REVIEW, work()), { code: 'BUNDLE_UNREADABLE' })
  bed.found = mixed
  await bed.live.refresh()
  t.equal((await bed.live.admit(REVIEW, work())).record.error, null)
  t.strictSame(bed.refused, ['BUNDLE_UNREADABLE', 'BUNDLE_BUILTIN_MISSING'])
})

t.test('one that ends answers what it has, and nothing more', async t => {
  const bed = await start(t, mixed)
  const last = bed.live.admit(REVIEW, work())
  const ending = bed.live.drain()
  await t.rejects(bed.live.admit(REVIEW, work()), { code: 'GATE_CLOSED' })
  t.equal((await last).record.error, null)
  await ending
})
