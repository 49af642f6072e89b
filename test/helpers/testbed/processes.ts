import { spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Testbed } from './testbed.js'

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program that runs until the test bed closes or `stop` is called. */
export interface Process {
  readonly name: string
  readonly pid: number
  /** The end of what it wrote to stdout and stderr; at most `maxBytes`, 64 KiB when not said. */
  logs(maxBytes?: number): string
  readonly exited: Promise<Exit>
  /** Ends it, by its id: the stop signal, then SIGKILL. Does nothing when it has ended. */
  stop(): Promise<void>
}

export interface ProcessOptions {
  /** For messages, and the name of its log file. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment, but for PATH. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Asked every 20 ms until it answers true; what it throws counts as false. */
  readonly ready: () => Promise<boolean>
  readonly readyTimeoutMs?: number
  readonly stopSignal?: NodeJS.Signals
  /** How long the stop signal may take before SIGKILL follows. */
  readonly killAfterMs?: number
}

/**
 * Starts a program and waits until it is ready. The kernel ends it when this process ends, however that happens.
 *
 * @throws Error with the end of its log, when it ends or is not ready in time
 */
export async function startProcess(bed: Testbed, options: ProcessOptions): Promise<Process> {
  const { name, command, args, env = {}, cwd = bed.directory, ready, readyTimeoutMs = 30_000 } = options
  const { stopSignal = 'SIGTERM', killAfterMs = 5000 } = options
  mkdirSync(join(bed.directory, 'logs'), { recursive: true })
  const logFile = freshLog(join(bed.directory, 'logs'), name)
  // A file, not a pipe: a program never waits for its reader, and what it wrote last is there after a crash.
  const log = openSync(logFile, 'a')
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal })
    })
    child.once('error', cause => {
      reject(new Error(`${name}: ${command} could not be started: ${cause.message}`, { cause }))
    })
  })
  const state = { ended: false }
  void exited.then(
    () => (state.ended = true),
    () => (state.ended = true),
  )
  const logs = (maxBytes = 65_536) => endOf(logFile, maxBytes)
  const stop = async () => {
    if (state.ended) return
    child.kill(stopSignal)
    const timer = new AbortController()
    const late = wait(killAfterMs, 'late' as const, { signal: timer.signal }).catch(() => 'ended' as const)
    if ((await Promise.race([exited, late])) === 'late') child.kill('SIGKILL')
    timer.abort()
    await exited
  }
  const running: Process = { name, pid: child.pid ?? 0, logs, exited, stop }
  bed.addProcess(running)
  try {
    await waitFor(
      `${name} is ready`,
      async () => {
        if (state.ended) throw new ProcessEnded(`${name} ended before it was ready: ${describe(await exited)}`)
        return ready()
      },
      { timeoutMs: readyTimeoutMs, everyMs: 20 },
    )
  } catch (error) {
    await stop()
    throw new Error(`${(error as Error).message}\n${logs(4096)}`, { cause: error })
  }
  return running
}

/** Further waiting is in vain. */
class ProcessEnded extends Error {}

function describe({ code, signal }: Exit): string {
  return signal ?? `exit code ${code ?? 'unknown'}`
}

/**
 * Asks until the answer is neither null, undefined nor false.
 *
 * @param what completes the sentence "waited for …"
 * @returns the answer
 * @throws Error with `what` and the last error when `timeoutMs` (20 s when not said) have passed
 */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | null | undefined | false>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 20_000, everyMs = 50 } = options
  const end = performance.now() + timeoutMs
  let last: unknown = null
  do {
    try {
      const answer = await check()
      if (answer !== null && answer !== undefined && answer !== false) return answer
    } catch (error) {
      if (error instanceof ProcessEnded) throw error
      last = error
    }
    await wait(everyMs)
  } while (performance.now() < end)
  const reason = last instanceof Error ? `: ${last.message}` : ''
  throw new Error(`waited ${timeoutMs / 1000} s for "${what}" in vain${reason}`, { cause: last })
}

/** A program that is started again gets a log of its own. */
function freshLog(directory: string, name: string): string {
  for (let i = 1; ; i += 1) {
    const file = join(directory, i === 1 ? `${name}.log` : `${name}-${i}.log`)
    if (!existsSync(file)) return file
  }
}

function endOf(file: string, maxBytes: number): string {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const buffer = Buffer.alloc(Math.min(size, maxBytes))
    const length = readSync(descriptor, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(descriptor)
  }
}
