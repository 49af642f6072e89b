import t from 'tap'
import { compileModule, parseBundle } from '../../../../src/gate.js'
import { createScheduler, type Scheduler } from '../../../../src/io/pool-scheduler.js'
import type { PoolWorker, startWorker } from '../../../../src/io/pool-thread.js'
import type { Work } from '../../../../src/io/pool-messages.js'
import { fixtureBundle } from '../../../helpers/bundles.js'

const files = await fixtureBundle('mixed')
const bundle = parseBundle(files, { allowUnsigned: true })
const module = compileModule(bundle.wasm)
const work: Work = { kind: 'review', body: '{}', context: '{}' }

/** A thread that does what a test says. */
interface Thread {
  /** It ends without having been told to. */
  end(): void
  /** It has done its work. */
  finish(): void
}

/** A pause that a test ends, and how long it would be. */
interface Wait {
  readonly ms: number
  end(): Promise<void>
}

function openScheduler({ start = () => 'ready' }: { readonly start?: () => 'ready' | 'ends' } = {}) {
  const running = new Set<Thread>()
  const waits: Wait[] = []
  let started = 0
  const startThread: typeof startWorker = (_start, events) => {
    type Job = Parameters<typeof events.onDone>[1] extends (job: infer J) => void ? J : never
    let job: Job | null = null
    let ready = false
    started += 1
    const worker: PoolWorker<Job> = {
      get ready() {
        return ready
      },
      get job() {
        return job
      },
      run(next) {
        job = next
      },
      learn: () => undefined,
      take() {
        const taken = job
        job = null
        return taken
      },
      progress: () => ({ policy: null, ruleMs: 0, requestMs: 0 }),
      terminate: () => {
        running.delete(thread)
        return Promise.resolve()
      },
    }
    const thread: Thread = {
      end() {
        running.delete(thread)
        events.onExit(worker, 'a test ended it')
      },
      finish() {
        events.onDone(worker, each => {
          each.resolve({ kind: 'judged', text: '{}' })
        })
      },
    }
    running.add(thread)
    queueMicrotask(() => {
      if (start() === 'ends') {
        thread.end()
        return
      }
      ready = true
      events.onReady()
    })
    return worker
  }
  const scheduler: Scheduler = createScheduler({
    files,
    allowUnsigned: true,
    bundle,
    module,
    size: 1,
    warm: true,
    policyTimeoutMs: 60_000,
    requestTimeoutMs: 60_000,
    maxQueue: 10,
    cacheBytes: 0,
    namespaces: undefined,
    startThread,
    pause: (ms, signal) =>
      new Promise(resolve => {
        const done = () => {
          resolve()
        }
        signal.addEventListener('abort', done)
        waits.push({
          ms,
          end: async () => {
            done()
            await settle()
          },
        })
      }),
  })
  return { scheduler, running, waits, started: () => started }
}

/** Long enough for what was resolved to be noticed, and for a thread to start. */
function settle(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

const first = ({ running }: { readonly running: ReadonlySet<Thread> }): Thread => {
  const [thread] = running
  if (thread === undefined) throw new Error('no thread runs')
  return thread
}

t.test('threads of a warm pool that end without work are started again, later and later', async t => {
  const pool = openScheduler()
  await pool.scheduler.warmUp()
  t.equal(pool.started(), 2, 'one and a spare one')
  first(pool).end()
  t.equal(pool.started(), 3, 'the first one at once')
  for (const ms of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    await settle()
    first(pool).end()
    const wait = pool.waits.at(-1)
    t.equal(wait?.ms, ms)
    t.equal(pool.running.size, 1)
    await wait?.end()
    t.equal(pool.running.size, 2, 'and the pool is whole again')
  }
  await pool.scheduler.close()
})

t.test('a thread that does its work makes good what others did before', async t => {
  const pool = openScheduler()
  await pool.scheduler.warmUp()
  first(pool).end()
  await settle()
  const judged = pool.scheduler.submit(work)
  first(pool).finish()
  await judged
  first(pool).end()
  t.strictSame([pool.waits.length, pool.running.size], [0, 2], 'the next one is started at once again')
  await pool.scheduler.close()
})

t.test('work that comes in the meantime gets a thread', async t => {
  const pool = openScheduler()
  await pool.scheduler.warmUp()
  for (const _ of [1, 2, 3]) {
    first(pool).end()
    await settle()
  }
  t.strictSame([pool.running.size, pool.waits.length], [0, 1], 'one wait for all of them')
  const judged = pool.scheduler.submit(work)
  t.equal(pool.running.size, 1)
  await settle()
  first(pool).finish()
  t.equal((await judged).kind, 'judged')
  await pool.scheduler.close()
  t.equal(pool.running.size, 0)
})

t.test('a pool that is closed starts no thread', async t => {
  const pool = openScheduler()
  await pool.scheduler.warmUp()
  first(pool).end()
  await settle()
  first(pool).end()
  await pool.scheduler.close()
  await settle()
  t.strictSame([pool.running.size, pool.started()], [0, 3])
})

t.test('a pool whose threads do not start is none', async t => {
  const pool = openScheduler({ start: () => 'ends' })
  await t.rejects(pool.scheduler.warmUp(), { code: 'INTERNAL', message: 'the worker threads did not start' })
  t.strictSame([pool.running.size, pool.started(), pool.waits.length], [0, 1, 0])
})
