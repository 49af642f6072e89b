/** Events that leave the queue together. */
export interface Batch {
  /** JSON texts without line feeds. */
  readonly lines: readonly string[]
  readonly bytes: number
}

/**
 * Events that wait to be written, bounded in bytes. What was taken counts until it is settled, so that a slow receiver
 * costs no more memory than a stopped one.
 */
export class EventQueue {
  readonly #maxBytes: number
  #lines: { readonly text: string; readonly bytes: number }[] = []
  #waitingBytes = 0
  #takenBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** False where the event does not fit any more. */
  push(text: string): boolean {
    const bytes = Buffer.byteLength(text)
    if (this.#waitingBytes + this.#takenBytes + bytes > this.#maxBytes) return false
    this.#lines.push({ text, bytes })
    this.#waitingBytes += bytes
    return true
  }

  /** The oldest events, as many as fit in `maxBytes`, but at least one; null where none waits. */
  take(maxBytes: number): Batch | null {
    let [count, bytes] = [0, 0]
    for (const line of this.#lines) {
      if (count > 0 && bytes + line.bytes > maxBytes) break
      count += 1
      bytes += line.bytes
    }
    if (count === 0) return null
    const lines = this.#lines.slice(0, count).map(({ text }) => text)
    this.#lines = this.#lines.slice(count)
    this.#waitingBytes -= bytes
    this.#takenBytes += bytes
    return { lines, bytes }
  }

  /** A batch is written or given up. */
  settle(batch: Batch): void {
    this.#takenBytes -= batch.bytes
  }
}
