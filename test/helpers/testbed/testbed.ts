import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Process } from './processes.js'

/** What the parts of one test share: a directory, and the order in which everything ends. */
export interface Testbed {
  readonly directory: string
  /** What is registered runs when the bed closes, the last one first. */
  onClose(name: string, close: () => Promise<void> | void): void
  /** A process of the bed: ended with it, its log shown when the test failed. */
  addProcess(process: Process): void
  /** Ends everything; more than one call does no more. Rejects when something could not be ended. */
  close(): Promise<void>
}

/** What the bed needs of a tap test. */
interface Test {
  teardown(close: () => Promise<void>): void
  passing(): boolean
  comment(text: string): void
}

/** An empty test bed that closes with the test; the ends of the logs are printed when the test has failed. */
export function createTestbed(t: Test): Testbed {
  const directory = mkdtempSync(join(tmpdir(), 'bed-'))
  const closers: { name: string; close: () => Promise<void> | void }[] = []
  const processes: Process[] = []
  let closing: Promise<void> | null = null

  const closeAll = async () => {
    if (!t.passing()) for (const each of processes) t.comment(`the end of ${each.name}'s log:\n${each.logs(4096)}`)
    const problems: string[] = []
    for (const { name, close } of closers.reverse()) {
      try {
        await close()
      } catch (error) {
        problems.push(`${name}: ${(error as Error).message}`)
      }
    }
    makeRemovable(directory)
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    if (problems.length > 0) throw new Error(`the test bed did not close: ${problems.join('; ')}`)
  }
  const bed: Testbed = {
    directory,
    onClose: (name, close) => {
      // What became ready while the bed was closing, after another part had failed, ends at once.
      if (closing === null) closers.push({ name, close })
      else void close()
    },
    addProcess: process => {
      processes.push(process)
      bed.onClose(process.name, () => process.stop())
    },
    close: () => (closing ??= closeAll()),
  }
  t.teardown(() => bed.close())
  return bed
}

/** Argo CD's repo-server takes all permissions from its work trees; only root can remove those as they are. */
function makeRemovable(directory: string): void {
  chmodSync(directory, 0o700)
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (lstatSync(path).isDirectory()) makeRemovable(path)
  }
}
