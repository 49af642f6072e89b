import type { JsonObject } from '../../../json.js'
import { type ClusterClient, ClusterError, type Collection } from '../cluster-client.js'
import { listPages } from '../list-pages.js'
import { namesOf } from '../object-names.js'

/** A live object, null where there is none, `withheld` where it may not be read. */
export type LiveObject = JsonObject | null | 'withheld'

export interface ReaderOptions {
  /** So many of one collection are listed instead of asked for one by one. */
  readonly listFrom: number
  readonly maxPages: number
  /** Requests at the same time. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

export const READER_DEFAULTS = { listFrom: 8, maxPages: 4, concurrency: 8 } as const

type Client = Pick<ClusterClient, 'find' | 'list'>

/**
 * Reads objects by collection and name, many of one collection by list; what a list does not reach in its pages is asked for one by one.
 *
 * @returns for each collection what is known of each name
 * @throws ClusterError when the API server fails or does not answer; a refusal only withholds what was asked for
 */
export async function readObjects(
  client: Client,
  wanted: readonly { readonly collection: Collection; readonly names: ReadonlySet<string> }[],
  options: ReaderOptions,
): Promise<readonly ReadonlyMap<string, LiveObject>[]> {
  const found = wanted.map(() => new Map<string, LiveObject>())
  const lists = wanted.flatMap(({ collection, names }, index) =>
    names.size < options.listFrom
      ? []
      : [async () => listInto(found[index] ?? new Map<string, LiveObject>(), client, collection, names, options)],
  )
  await inTurns(lists, options.concurrency)
  const gets = wanted.flatMap(({ collection, names }, index) =>
    [...names]
      .filter(name => found[index]?.has(name) === false)
      .map(name => async () => {
        const object = await unlessRefused(() => client.find(collection, name, { signal: options.signal }))
        found[index]?.set(name, object)
      }),
  )
  await inTurns(gets, options.concurrency)
  return found
}

async function listInto(
  into: Map<string, LiveObject>,
  client: Client,
  collection: Collection,
  names: ReadonlySet<string>,
  { maxPages, signal }: ReaderOptions,
): Promise<void> {
  const listed = await unlessRefused(async () => {
    const objects = new Map<string, LiveObject>()
    let pages = 0
    for await (const page of listPages(client, collection, { signal })) {
      for (const object of page.items) {
        const { name } = namesOf(object)
        if (names.has(name)) objects.set(name, object)
      }
      pages += 1
      if (page.continueToken === '') {
        // Whatever was not in a whole list is not there.
        for (const name of names) if (!objects.has(name)) objects.set(name, null)
        break
      }
      if (pages >= maxPages || objects.size === names.size) break
    }
    return objects
  })
  // Who may not list may still be allowed to get, and a list that was forgotten is not asked for again.
  if (listed === 'withheld') return
  for (const [name, object] of listed) into.set(name, object)
}

async function unlessRefused<T>(read: () => Promise<T>): Promise<T | 'withheld'> {
  try {
    return await read()
  } catch (thrown) {
    if (thrown instanceof ClusterError && thrown.status >= 400 && thrown.status < 500 && thrown.status !== 429) {
      return 'withheld'
    }
    throw thrown
  }
}

/** Runs so many at the same time; the first error ends it, and those that run are waited for. */
async function inTurns(tasks: readonly (() => Promise<void>)[], concurrency: number): Promise<void> {
  const queue = [...tasks].reverse()
  const work = async (): Promise<void> => {
    for (let task = queue.pop(); task !== undefined; task = queue.pop()) {
      try {
        await task()
      } catch (thrown) {
        queue.length = 0
        throw thrown
      }
    }
  }
  const done = await Promise.allSettled(Array.from({ length: Math.min(concurrency, tasks.length) }, work))
  for (const each of done) if (each.status === 'rejected') throw each.reason
}
