import { open, rename, rm } from 'node:fs/promises'

/** The steps by which something comes to be on a volume for good. */
export interface DurableFiles {
  write(path: string, text: string): Promise<void>
  /** A file, or a folder with the names in it. */
  sync(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A file or a folder; what is not there is no error. */
  remove(path: string): Promise<void>
}

/** The files of the machine. */
export const DURABLE_FILES: DurableFiles = {
  write: async (path, text) => {
    const file = await open(path, 'w', 0o600)
    try {
      await file.writeFile(text)
    } finally {
      await file.close()
    }
  },
  sync: async path => {
    const file = await open(path, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  },
  rename,
  remove: path => rm(path, { recursive: true, force: true }),
}
