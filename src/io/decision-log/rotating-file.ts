import { open, rename, type FileHandle } from 'node:fs/promises'

/** Readable for a log shipper of the same group. */
const MODE = 0o640

/** A file that is only appended to; `path.1` is the one before it, and the oldest goes. */
export class RotatingFile {
  readonly #path: string
  readonly #maxBytes: number
  readonly #oldFiles: number
  #handle: FileHandle | null = null
  #size = 0

  /** @param oldFiles how many files are kept beside the present one */
  constructor(path: string, { maxBytes, oldFiles }: { readonly maxBytes: number; readonly oldFiles: number }) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#oldFiles = oldFiles
  }

  /** Appends whole lines. After an error the next call starts from the file as it is then. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    try {
      let handle = await this.#open()
      if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) {
        await this.#rotate()
        handle = await this.#open()
      }
      await handle.appendFile(bytes)
      this.#size += bytes.length
    } catch (error) {
      await this.close().catch(() => undefined)
      throw error
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  async #open(): Promise<FileHandle> {
    if (this.#handle !== null) return this.#handle
    const handle = await open(this.#path, 'a+', MODE)
    this.#handle = handle
    this.#size = (await handle.stat()).size
    if (this.#size > 0) {
      const last = await handle.read(Buffer.alloc(1), 0, 1, this.#size - 1)
      // A full disk or a crash left half a line: the next one must not become a part of it.
      if (last.bytesRead === 1 && last.buffer[0] !== 0x0a) {
        await handle.appendFile('\n')
        this.#size += 1
      }
    }
    return handle
  }

  async #rotate(): Promise<void> {
    await this.close()
    for (let index = this.#oldFiles; index > 0; index--) {
      const from = index === 1 ? this.#path : `${this.#path}.${index - 1}`
      await rename(from, `${this.#path}.${index}`).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      })
    }
  }
}
