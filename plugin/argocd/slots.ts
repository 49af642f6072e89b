import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { GateError, thrownText } from '../../src/errors.js'

/** A place among those that may render at once. */
export interface Slot {
  release(): Promise<void>
}

export interface SlotOptions {
  /** Where the processes of one machine agree; it is made where it is missing. */
  readonly directory: string
  /** How many may hold one at once. */
  readonly slots: number
  readonly signal: AbortSignal
  /** Which process asks, and when it was started; for tests. */
  readonly owner?: Owner
  /** Whether a process still runs; for tests. */
  readonly isAlive?: (owner: Owner) => Promise<boolean>
  readonly pollMs?: number
}

/** A process: its number alone is used again. */
export interface Owner {
  readonly pid: number
  readonly startTicks: string
}

const POLL_MS = 25
/** Whoever is this far behind is not served in time anyway. */
const MAX_WAITING = 1_000
const TICKET = /^(\d{20})-(\d{1,10})-(\d{1,20})$/

let taken = 0

/**
 * Waits for a slot. Each process puts a ticket with a name of its own into the directory; the first ones, in the order they
 * were put there, hold the slots. Tickets of processes that ended are removed by whoever sees them: no name is used twice,
 * so nobody's valid ticket can be removed by mistake.
 *
 * @throws GateError GATE_OVERLOADED when too many wait, FILE_UNWRITABLE; the reason of `signal` when it is aborted
 */
export async function takeSlot(options: SlotOptions): Promise<Slot> {
  const { directory, slots, signal, isAlive = isRunning, pollMs = POLL_MS } = options
  const owner = options.owner ?? { pid: process.pid, startTicks: (await startTicksOf(process.pid)) ?? '0' }
  // Monotonic and the same for all processes of a machine; what one process takes twice at once differs in the last digits.
  taken = (taken + 1) % 1_000
  const time = (process.hrtime.bigint() / 1_000n) * 1_000n + BigInt(taken)
  const ticket = `${String(time).padStart(20, '0')}-${owner.pid}-${owner.startTicks}`
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, ticket), '', { flag: 'wx' })
  } catch (error) {
    throw new GateError('FILE_UNWRITABLE', `the slots in ${directory} cannot be used: ${thrownText(error)}`, {
      cause: error,
    })
  }
  const release = () => rm(join(directory, ticket), { force: true })
  try {
    for (;;) {
      signal.throwIfAborted()
      const before = (await readdir(directory)).filter(name => TICKET.test(name) && name < ticket).sort()
      if (before.length >= MAX_WAITING)
        throw new GateError('GATE_OVERLOADED', `${before.length} renders are waiting already`)
      const alive = await living(before, directory, isAlive)
      if (alive < slots) return { release }
      await wait(pollMs, undefined, { signal })
    }
  } catch (error) {
    await release()
    throw signal.aborted ? signal.reason : error
  }
}

async function living(
  tickets: readonly string[],
  directory: string,
  isAlive: (owner: Owner) => Promise<boolean>,
): Promise<number> {
  let count = 0
  for (const ticket of tickets) {
    const [, , pid = '', startTicks = ''] = TICKET.exec(ticket) ?? []
    if (await isAlive({ pid: Number(pid), startTicks })) count += 1
    else await rm(join(directory, ticket), { force: true })
  }
  return count
}

async function isRunning({ pid, startTicks }: Owner): Promise<boolean> {
  return (await startTicksOf(pid)) === startTicks
}

/** When a process was started, in ticks since the machine was; undefined: there is none. A zombie has ended. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name before it may have spaces and brackets.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
