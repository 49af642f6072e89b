import { createHash } from 'node:crypto'
import type { BundleReference } from '../decision-types.js'
import { GateError, toGateError } from '../errors.js'
import type { BundleFiles } from '../policy/bundle.js'
import { createPool, type AdmissionAnswer, type AdmissionWork, type Pool, type PoolOptions } from './pool.js'

export interface LivePoolOptions {
  /** Reads the bundle; asked again every `pollMs`. */
  readonly load: () => Promise<BundleFiles>
  readonly pollMs: number
  /** Everything about the pools but the bundle. */
  readonly pool: Omit<PoolOptions, 'files'>
  /** A bundle judges from now on. */
  readonly onBundle: (bundle: BundleReference) => void
  /** A bundle cannot be used: the last good one goes on. Told once for each content. */
  readonly onRefused: (error: GateError) => void
  readonly createPool?: (options: PoolOptions) => Promise<Pool>
}

/** A pool whose bundle is swapped while it works: each request is judged by exactly one bundle. */
export interface LivePool {
  /** null: no bundle could be used yet. */
  readonly current: Pool | null
  /** The files of its bundle. */
  readonly files: BundleFiles | null
  /** @throws GateError like a pool's, and BUNDLE_UNREADABLE while there is no bundle */
  admit(body: Uint8Array, work: AdmissionWork): Promise<AdmissionAnswer>
  /** Looks at the bundle now, beside the regular looks. */
  refresh(): Promise<void>
  /** Answers what it has, then ends. */
  drain(): Promise<void>
}

/** Starts with the bundle as it is now; where that cannot be used it waits for one that can. */
export async function createLivePool(options: LivePoolOptions): Promise<LivePool> {
  const { load, pollMs, onBundle, onRefused } = options
  const create = options.createPool ?? createPool
  let current: Pool | null = null
  let currentFiles: BundleFiles | null = null
  /** The content that is in force or was refused. */
  let decided: string | null = null
  /** The content of the last look, which may have been half written. */
  let seen: string | null = null
  /** What was said last of a bundle that cannot even be read. */
  let unreadable: string | null = null
  let failure = new GateError('BUNDLE_UNREADABLE', 'no bundle was loaded yet')
  let looking: Promise<void> | null = null
  const retired = new Set<Promise<void>>()
  let isClosed = false

  async function look(): Promise<void> {
    let files: BundleFiles
    try {
      files = await load()
      unreadable = null
    } catch (thrown) {
      failure = toGateError(thrown, 'BUNDLE_UNREADABLE')
      if (failure.message !== unreadable) onRefused(failure)
      unreadable = failure.message
      return
    }
    const content = digestOf(files)
    const isSettled = current === null || seen === content
    seen = content
    if (content === decided || !isSettled) return
    decided = content
    try {
      await swapIn(await create({ ...options.pool, files }), files)
    } catch (thrown) {
      failure = toGateError(thrown, 'BUNDLE_INVALID')
      onRefused(failure)
    }
  }

  async function swapIn(next: Pool, files: BundleFiles): Promise<void> {
    if (isClosed) return next.close()
    const last = current
    current = next
    currentFiles = files
    onBundle(next.bundle.reference)
    if (last !== null) retire(last)
  }

  function retire(pool: Pool): void {
    const ending = pool.drain()
    retired.add(ending)
    const forget = () => retired.delete(ending)
    void ending.then(forget, forget)
  }

  /** One look at a time. */
  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = null
    })
    return looking
  }

  await refresh()
  const timer = setInterval(() => {
    void refresh()
  }, pollMs)
  timer.unref()

  return {
    get current() {
      return current
    },
    get files() {
      return currentFiles
    },
    admit(body, work) {
      if (isClosed) return Promise.reject(new GateError('GATE_CLOSED', 'the gate is shutting down'))
      return current === null
        ? Promise.reject(new GateError('BUNDLE_UNREADABLE', failure.message, { cause: failure }))
        : current.admit(body, work)
    },
    refresh,
    async drain() {
      isClosed = true
      clearInterval(timer)
      await looking
      if (current !== null) retire(current)
      await Promise.all(retired)
    },
  }
}

function digestOf(files: BundleFiles): string {
  const hash = createHash('sha256')
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}
