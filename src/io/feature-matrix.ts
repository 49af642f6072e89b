import { createHash } from 'node:crypto'
import { createWriteStream, type WriteStream } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { GateError, thrownText } from '../errors.js'
import { FEATURE_VERSION, type Feature } from '../risk/features.js'

/** What one row of a matrix is about. */
export interface MatrixRow {
  /** The record's own id, where it has one. */
  readonly id: string | null
  readonly file: string
  readonly line: number | null
  readonly apiVersion: string | null
  readonly kind: string | null
  readonly namespace: string | null
  readonly name: string | null
}

/**
 * Writes the features of objects or of changes as a matrix that any language reads: `<name>.f32` holds the values, 32-bit
 * little-endian floats row by row, `<name>.rows.jsonl` says what each row is about, and `<name>.json` has the columns, the
 * number of rows and the SHA-256 of the values. The last is written at the end: a matrix without it is not whole.
 */
export class FeatureMatrix {
  readonly #paths: { readonly header: string; readonly values: string; readonly rows: string }
  readonly #features: readonly Feature[]
  readonly #hash = createHash('sha256')
  readonly #values: WriteStream
  readonly #rows: WriteStream
  #count = 0
  #failure: unknown

  private constructor(directory: string, name: string, features: readonly Feature[]) {
    const path = (ending: string): string => join(directory, `${name}${ending}`)
    this.#paths = { header: path('.json'), values: path('.f32'), rows: path('.rows.jsonl') }
    this.#features = features
    this.#values = createWriteStream(this.#paths.values)
    this.#rows = createWriteStream(this.#paths.rows)
    for (const stream of [this.#values, this.#rows]) stream.on('error', error => (this.#failure ??= error))
  }

  /** Starts a matrix; the header of an older one of that name is gone at once. */
  static async create(directory: string, name: string, features: readonly Feature[]): Promise<FeatureMatrix> {
    await rm(join(directory, `${name}.json`), { force: true })
    return new FeatureMatrix(directory, name, features)
  }

  /** @throws GateError FILE_UNWRITABLE */
  async add(values: Float32Array, row: MatrixRow): Promise<void> {
    const bytes = Buffer.alloc(values.length * 4)
    values.forEach((value, column) => bytes.writeFloatLE(value, column * 4))
    this.#hash.update(bytes)
    this.#count += 1
    await this.#write(this.#values, bytes)
    await this.#write(this.#rows, `${JSON.stringify(row)}\n`)
  }

  /**
   * @returns the number of rows
   * @throws GateError FILE_UNWRITABLE
   */
  async finish(): Promise<number> {
    const header = {
      featureVersion: FEATURE_VERSION,
      dtype: '<f4',
      shape: [this.#count, this.#features.length],
      sha256: this.#hash.digest('hex'),
      columns: this.#features,
    }
    try {
      for (const stream of [this.#values, this.#rows]) {
        stream.end()
        await finished(stream)
      }
      await writeFile(this.#paths.header, `${JSON.stringify(header, null, 2)}\n`)
    } catch (error) {
      throw this.#unwritable(error)
    }
    return this.#count
  }

  /** Waits until the disk keeps up, so that a long input costs no memory. */
  async #write(stream: WriteStream, data: string | Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#unwritable(this.#failure)
    if (stream.write(data)) return
    await new Promise<void>(resolve => {
      const go = (): void => {
        stream.off('drain', go).off('close', go)
        resolve()
      }
      // A stream that failed does not drain any more.
      stream.on('drain', go).on('close', go)
    })
  }

  #unwritable(error: unknown): GateError {
    return new GateError('FILE_UNWRITABLE', `${this.#paths.values}: cannot be written: ${thrownText(error)}`, {
      cause: error,
    })
  }
}
