import type { PoolOptions, ReviewPool } from '../io/pool.js'

/** Where a command writes; a terminal says so. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): boolean
  once(event: 'drain', listener: () => void): unknown
}

/** Everything a command has of its process, so that a test can give it something else. */
export interface CliEnvironment {
  readonly stdin: AsyncIterable<unknown> & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** The one reading of the clock. */
  readonly now: Date
  /** Ends with the process' SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  readonly createPool: (options: PoolOptions) => Promise<ReviewPool>
}

/** Writes and waits until the receiver keeps up, so that a slow pipe costs no memory. */
export async function write(output: Output, text: string): Promise<void> {
  if (text === '' || output.write(text)) return
  await new Promise<void>(resolve => {
    output.once('drain', resolve)
  })
}
