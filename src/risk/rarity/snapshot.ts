import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { GateError } from '../../errors.js'
import type { JsonObject } from '../../json.js'
import { countLevel, levelCount, type RarityCounts } from './counts.js'
import { MAX_WIDTH_BITS, MIN_WIDTH_BITS, Sketch, SKETCH_ROWS, sketchCells, type SketchSpace } from './sketch.js'
import { rarityTokens, tokenKey, TOKEN_VERSION } from './tokens.js'

/** Marks the bytes as a snapshot, in this form of it. */
const MAGIC = 'lockkeeper-rarity-1\n'
const HEADER_BYTES = MAGIC.length + 2 + 2 + 8 + 8
/** The largest snapshot there can be. */
export const MAX_SNAPSHOT_BYTES = HEADER_BYTES + (SKETCH_ROWS << MAX_WIDTH_BITS)

/** How much of each row may be used before a narrower table is not worth it: 1 unknown token in 500 looks known. */
const MAX_USED = 1 / 8
const DAY_SECONDS = 86_400

/** What fades, and when. */
export interface RarityAge {
  /** Seconds since 1970: objects count by their age at this time. */
  readonly asOf: number
  /** An object counts half after so many days. */
  readonly halfLifeDays: number
}

/** Counts objects for a snapshot, in constant memory; each token counts once an object. */
export class RarityBuilder {
  readonly #sketch: Sketch
  readonly #age: RarityAge
  #objects = 0

  /** @param widthBits for fewer objects than a cluster has; the default holds a million */
  constructor(age: RarityAge, widthBits = MAX_WIDTH_BITS) {
    this.#age = age
    this.#sketch = new Sketch(widthBits)
  }

  /**
   * @param object in canonical form
   * @param seenAt when it was admitted, in seconds since 1970; not given: at the time of the snapshot
   */
  add(object: JsonObject, seenAt = this.#age.asOf): void {
    const { asOf, halfLifeDays } = this.#age
    const weight = 2 ** (-Math.max(0, asOf - seenAt) / (halfLifeDays * DAY_SECONDS))
    this.#objects += 1
    const contexts = new Map<string, number>()
    for (const { context, item } of rarityTokens(object)) {
      let total = contexts.get(context)
      if (total === undefined) {
        total = this.#sketch.add('count', context, weight) + weight
        contexts.set(context, total)
      }
      // Where nearly everything is new, nothing surprises; counting it would only fill the table.
      if (total > FREE_FROM && this.#sketch.count('distinct', context) > FREE_SHARE * total) continue
      const before = this.#sketch.add('count', tokenKey({ context, item }), weight)
      if (before === 0) this.#sketch.add('distinct', context, weight)
    }
  }

  /** The snapshot's bytes: the same objects in the same order give the same bytes. */
  finish(): Uint8Array {
    const { widthBits, cells } = this.#sketch.narrowest(MAX_USED)
    const bytes = Buffer.alloc(HEADER_BYTES + cells.length)
    let at = bytes.write(MAGIC, 'latin1')
    at = bytes.writeUInt16LE(TOKEN_VERSION, at)
    at = bytes.writeUInt16LE(widthBits, at)
    at = bytes.writeDoubleLE(this.#objects, at)
    at = bytes.writeDoubleLE(this.#age.asOf, at)
    cells.forEach((count, index) => (bytes[at + index] = countLevel(count)))
    return bytes
  }
}

const FREE_FROM = 1024
const FREE_SHARE = 0.8

/** How often things were seen, as of a time; it never changes, and is named by its content. */
export class RaritySnapshot implements RarityCounts {
  /** SHA-256 of the bytes, in hex. */
  readonly digest: string
  /** How many objects were counted. */
  readonly objects: number
  /** Seconds since 1970. */
  readonly asOf: number
  readonly #widthBits: number
  readonly #levels: Uint8Array

  /**
   * Reads the bytes of a snapshot; they are kept, and must not be changed.
   *
   * @throws GateError RARITY_INVALID
   */
  constructor(bytes: Uint8Array) {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (view.length < HEADER_BYTES || view.toString('latin1', 0, MAGIC.length) !== MAGIC) {
      throw invalid('does not begin as a rarity snapshot does')
    }
    let at = MAGIC.length
    const version = view.readUInt16LE(at)
    if (version !== TOKEN_VERSION) {
      throw invalid(
        `counts tokens of version ${version}, and this version of lockkeeper has ${TOKEN_VERSION}: build it again`,
      )
    }
    this.#widthBits = view.readUInt16LE((at += 2))
    this.objects = view.readDoubleLE((at += 2))
    this.asOf = view.readDoubleLE((at += 8))
    at += 8
    if (this.#widthBits < MIN_WIDTH_BITS || this.#widthBits > MAX_WIDTH_BITS) {
      throw invalid(`has rows of 2^${this.#widthBits} cells, which is none of its sizes`)
    }
    if (!Number.isSafeInteger(this.objects) || this.objects < 0 || !Number.isFinite(this.asOf)) {
      throw invalid('has a header that says nothing sensible')
    }
    const expected = at + (SKETCH_ROWS << this.#widthBits)
    if (view.length !== expected) throw invalid(`has ${view.length} bytes instead of ${expected}: it is not whole`)
    this.#levels = view.subarray(at)
    this.digest = createHash('sha256').update(view).digest('hex')
  }

  count(key: string): number {
    return this.#count('count', key)
  }

  distinct(context: string): number {
    return this.#count('distinct', context)
  }

  #count(space: SketchSpace, key: string): number {
    const [first, second, third] = sketchCells(space, key, this.#widthBits)
    const levels = this.#levels
    return levelCount(Math.min(levels[first] ?? 0, levels[second] ?? 0, levels[third] ?? 0))
  }
}

function invalid(problem: string): GateError {
  return new GateError('RARITY_INVALID', `the rarity snapshot ${problem}`)
}
