import cliProgress from 'cli-progress'
import type { Output } from './environment.js'

/** Below this many inputs a bar would be gone before it is read. */
const MIN_INPUTS = 50

/** How far a scan is, for people who watch. */
export interface Progress {
  advance(): void
  /** Removes the bar, so that something else can be written; it comes back with the next step. */
  clear(): void
}

/** A bar on a terminal when there is enough to read, and nothing otherwise. */
export function createProgress(stderr: Output, inputs: number): Progress {
  if (stderr.isTTY !== true || inputs <= MIN_INPUTS) return { advance: () => undefined, clear: () => undefined }
  const bar = new cliProgress.SingleBar({
    stream: stderr as unknown as NodeJS.WritableStream,
    format: 'judging [{bar}] {value}/{total} files',
    clearOnComplete: true,
    gracefulExit: false,
    hideCursor: null,
    linewrap: null,
  })
  let done = 0
  let isShown = false
  return {
    advance() {
      done += 1
      // The bar remembers where it stands on the screen: after other output it has to begin anew.
      if (isShown) bar.update(done)
      else bar.start(inputs, done)
      isShown = true
    },
    clear() {
      if (isShown) bar.stop()
      isShown = false
    },
  }
}
