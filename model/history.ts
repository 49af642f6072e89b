import type { JsonObject } from '../src/json.js'
import { countLevel, levelCount, type RarityCounts } from '../src/risk/rarity/counts.js'
import { rarityTokens, tokenKey } from '../src/risk/rarity/tokens.js'
import type { CorpusRecord } from './corpus.js'

/** The objects that have a token or a place: one entry for each object, in three columns. */
interface Sightings {
  readonly objects: number[]
  /** The file the object lies in today; -1 where it was only seen in the history. */
  readonly files: number[]
  /** When it first had it in the history; infinite where only today's state has it. */
  readonly times: number[]
}

/** The part of a record that decides what its history is. */
export type HistoryRecord = Pick<CorpusRecord, 'source' | 'path' | 'object' | 'old' | 'committed'>

/**
 * What a gate would have known when a change came: the objects of the same repository that lie in another file, every earlier
 * change, and the object's own old state. A change without a time has no earlier ones.
 *
 * Add all records first; then ask for the counts of any change, in any order.
 */
export class CorpusHistory {
  readonly #repositories = new Map<string, RepositoryHistory>()

  /** @param record an object of the manifests file, or a change: of that the new object counts, from its time on */
  add(record: HistoryRecord): void {
    if (record.old !== null && record.committed === null) return
    this.#repository(record.source).add(record)
  }

  /** What was known before a change. */
  before(record: HistoryRecord): RarityCounts {
    return this.#repository(record.source).before(record)
  }

  #repository(source: string): RepositoryHistory {
    let found = this.#repositories.get(source)
    if (found === undefined) this.#repositories.set(source, (found = new RepositoryHistory()))
    return found
  }
}

class RepositoryHistory {
  readonly #sightings = new Map<string, Sightings>()
  readonly #items = new Map<string, Sightings[]>()
  readonly #objects = new Map<string, number>()
  readonly #files = new Map<string, number>()
  /** The place of an object's entry, by the number of the object. */
  readonly #entries = new Map<Sightings, Map<number, number>>()

  add(record: HistoryRecord): void {
    const object = numberOf(this.#objects, identity(record))
    const isToday = record.old === null
    const file = isToday ? numberOf(this.#files, record.path) : -1
    const time = isToday ? Infinity : (record.committed ?? Infinity)
    const { keys, contexts } = said(record.object)
    for (const [key, context] of keys) {
      let sightings = this.#sightings.get(key)
      if (sightings === undefined) {
        this.#sightings.set(key, (sightings = newSightings()))
        const items = this.#items.get(context)
        if (items === undefined) this.#items.set(context, [sightings])
        else items.push(sightings)
      }
      this.#note(sightings, object, file, time)
    }
    for (const context of contexts) {
      let sightings = this.#sightings.get(context)
      if (sightings === undefined) this.#sightings.set(context, (sightings = newSightings()))
      this.#note(sightings, object, file, time)
    }
  }

  #note(sightings: Sightings, object: number, file: number, time: number): void {
    let entries = this.#entries.get(sightings)
    if (entries === undefined) this.#entries.set(sightings, (entries = new Map<number, number>()))
    const at = entries.get(object)
    if (at === undefined) {
      entries.set(object, sightings.objects.length)
      sightings.objects.push(object)
      sightings.files.push(file)
      sightings.times.push(time)
      return
    }
    if (file !== -1) sightings.files[at] = file
    sightings.times[at] = Math.min(sightings.times[at] ?? Infinity, time)
  }

  before(record: HistoryRecord): RarityCounts {
    const file = this.#files.get(record.path) ?? -2
    const object = this.#objects.get(identity(record)) ?? -2
    const time = record.committed ?? -Infinity
    const old = record.old === null ? null : said(record.old)
    const has = (sightings: Sightings, at: number): boolean =>
      (sightings.times[at] ?? Infinity) < time || (sightings.files[at] !== -1 && sightings.files[at] !== file)
    const count = (key: string): number => {
      let [found, ownFound] = [0, false]
      const sightings = this.#sightings.get(key)
      if (sightings !== undefined) {
        for (let at = 0; at < sightings.objects.length; at += 1) {
          if (!has(sightings, at)) continue
          found += 1
          if (sightings.objects[at] === object) ownFound = true
        }
      }
      const isOld = old !== null && (old.keys.has(key) || old.contexts.has(key))
      return found + (isOld && !ownFound ? 1 : 0)
    }
    const distinct = (context: string): number => {
      let found = 0
      for (const sightings of this.#items.get(context) ?? []) {
        for (let at = 0; at < sightings.objects.length; at += 1) {
          if (!has(sightings, at)) continue
          found += 1
          break
        }
      }
      for (const [key, where] of old?.keys ?? []) {
        if (where !== context) continue
        const sightings = this.#sightings.get(key)
        if (sightings?.objects.some((_, at) => has(sightings, at)) !== true) found += 1
      }
      return found
    }
    // Rounded as in a snapshot, so that a model sees the same numbers in training and in a cluster.
    return { count: key => levelCount(countLevel(count(key))), distinct: key => levelCount(countLevel(distinct(key))) }
  }
}

function newSightings(): Sightings {
  return { objects: [], files: [], times: [] }
}

function numberOf(numbers: Map<string, number>, name: string): number {
  let found = numbers.get(name)
  if (found === undefined) numbers.set(name, (found = numbers.size))
  return found
}

function said(object: JsonObject): {
  readonly keys: ReadonlyMap<string, string>
  readonly contexts: ReadonlySet<string>
} {
  const keys = new Map(rarityTokens(object).map(token => [tokenKey(token), token.context]))
  return { keys, contexts: new Set(keys.values()) }
}

function identity({ path, object }: HistoryRecord): string {
  const { kind, metadata } = object
  const named = (
    typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
  ) as JsonObject
  return [path, kind, named.namespace, named.name].map(each => (typeof each === 'string' ? each : '')).join('\n')
}
