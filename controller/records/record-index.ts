import type { GateRecord } from '../../src/provenance/record.js'
import type { Position } from './segments.js'

/** What a record is found by. */
export type Indexed = Pick<GateRecord, 'id' | 'digest' | 'subject'>

/** Where records are by digest and by subject, and which ids there are; in memory, a few hundred bytes for each record. */
export interface RecordIndex {
  readonly size: number
  has(id: string): boolean
  add(record: Indexed, position: Position): void
  find(by: 'digest' | 'subject', value: string): readonly Position[]
  /** Forgets what is in a segment. */
  drop(segment: number): void
}

export function createRecordIndex(): RecordIndex {
  /** The segment of each id. */
  const ids = new Map<string, number>()
  const places = { digest: new Map<string, Position[]>(), subject: new Map<string, Position[]>() }

  const put = (map: Map<string, Position[]>, key: string | null, position: Position) => {
    if (key === null) return
    const known = map.get(key)
    if (known === undefined) map.set(key, [position])
    else known.push(position)
  }
  return {
    get size() {
      return ids.size
    },
    has: id => ids.has(id),
    add: ({ id, digest, subject }, position) => {
      ids.set(id, position.segment)
      put(places.digest, digest, position)
      put(places.subject, subject, position)
    },
    find: (by, value) => places[by].get(value) ?? [],
    drop: segment => {
      for (const [id, at] of ids) if (at === segment) ids.delete(id)
      for (const map of [places.digest, places.subject]) {
        for (const [key, positions] of map) {
          const left = positions.filter(each => each.segment !== segment)
          if (left.length === 0) map.delete(key)
          else if (left.length < positions.length) map.set(key, left)
        }
      }
    },
  }
}
