/** What one entry takes beside its texts, in bytes: the map's slot, the objects and the list of results (V8, measured). */
const ENTRY_BYTES = 256
/** V8 takes two bytes for a character where one of the text is beyond Latin-1. */
const CHARACTER_BYTES = 2

const PLACE_BYTES = 8

/** Texts under a key that come one by one, each at a place of its own. */
export interface CacheEntry {
  readonly texts: (string | undefined)[]
}

interface Held extends CacheEntry {
  bytes: number
}

/** A cache that holds so many bytes at most, keys included; what was not used for the longest time goes first. */
export class ByteCache {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Held>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#entries.size
  }

  /** The entry of a key, which counts as used now; undefined where there is none. */
  use(key: string): CacheEntry | undefined {
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
    return entry
  }

  /** Adds a text to a key's entry. */
  add(key: string, index: number, text: string): void {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { texts: [], bytes: 0 }
      this.#entries.set(key, entry)
      this.#grow(entry, ENTRY_BYTES + key.length * CHARACTER_BYTES)
    }
    const added = text.length - (entry.texts[index]?.length ?? 0)
    this.#grow(entry, PLACE_BYTES * Math.max(0, index + 1 - entry.texts.length) + added * CHARACTER_BYTES)
    entry.texts[index] = text
    this.#evict()
  }

  #grow(entry: Held, bytes: number): void {
    entry.bytes += bytes
    this.#bytes += bytes
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return
      this.#entries.delete(key)
      this.#bytes -= entry.bytes
    }
  }
}
