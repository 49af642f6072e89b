import { spawn, type ChildProcess } from 'node:child_process'
import { GateError, thrownText } from '../../errors.js'
import { MAX_FILE_BYTES, readStream } from '../files.js'
import { watchMemory } from './memory-watch.js'

/** One run of a program. */
export interface ToolRun {
  /** What messages call it. */
  readonly tool: string
  readonly binary: string
  readonly args: readonly string[]
  /** What is being rendered, as messages name it. */
  readonly subject: string
  readonly cwd?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What it reads from stdin; nothing when not said. */
  readonly input?: string
  /** Texts that a message shows as something else, such as the path of a temporary directory. */
  readonly shownAs?: Readonly<Record<string, string>>
}

/** What no run may go over. */
export interface ToolLimits {
  readonly timeoutMs?: number
  /** Of its output, and of a file that it is given. */
  readonly maxBytes?: number
  /** Of a program and all that it started, together; 1 GiB when not said. */
  readonly maxMemoryBytes?: number
  readonly signal?: AbortSignal
}

/** What a program did that came to its end by itself. */
export interface ToolResult {
  readonly output: Uint8Array
  /** Its last words on stderr. */
  readonly said: string
  /** RENDER_FAILED when it ended with anything else than 0. */
  readonly failure: GateError | null
}

const TIMEOUT_MS = 60_000
const MAX_MEMORY_BYTES = 1024 ** 3
const MAX_KEPT_LENGTH = 64 * 1024
const MAX_QUOTED_LENGTH = 600

/**
 * Runs a program without a shell, in a process group of its own: at the time-out, when it is aborted, writes or
 * needs too much, and when it has ended, the whole group is killed, so that nothing it started goes on.
 *
 * @param startedAtMs from when the time-out counts, on the clock of `performance`; for several runs within one
 * @throws GateError RENDER_FAILED when it cannot be started or takes too much time or memory, MANIFEST_TOO_LARGE; the reason of an abort
 */
export async function runTool(run: ToolRun, limits: ToolLimits, startedAtMs = performance.now()): Promise<ToolResult> {
  const { tool, subject } = run
  const { timeoutMs = TIMEOUT_MS, maxBytes = MAX_FILE_BYTES, maxMemoryBytes = MAX_MEMORY_BYTES, signal } = limits
  signal?.throwIfAborted()
  let said = ''
  const failed = (reason: string, cause?: unknown): GateError => {
    const quoted = shownText(said, run.shownAs ?? {})
    const message = `${subject}: ${tool} ${reason}${quoted === '' ? '' : `: ${quoted}`}`
    return new GateError('RENDER_FAILED', message, { cause, position: { file: subject } })
  }
  const child = start(run, failed)
  const ended = new Promise<{ readonly code: number | null; readonly failure?: Error }>(done => {
    child.once('error', failure => {
      done({ code: null, failure })
    })
    child.once('close', code => {
      done({ code })
    })
  })
  // What it left behind could hold its output open.
  child.once('exit', () => {
    killGroup(child)
  })
  // The compiler does not see that stop() runs in between.
  let stopped = null as string | null
  const stop = (reason: string): void => {
    stopped ??= reason
    killGroup(child)
    // What left the group may hold its output open, too.
    child.stdout.destroy()
    child.stderr.destroy()
  }
  // A program that does not read to the end says by its exit code whether that is a fault.
  child.stdin.on('error', () => undefined).end(run.input)
  // Not spawn's own timeout and signal: the timer outlives a tool that could not be started.
  const timer = setTimeout(
    stop,
    Math.max(0, startedAtMs + timeoutMs - performance.now()),
    `was stopped after ${timeoutMs / 1000} seconds`,
  )
  const onAbort = (): void => {
    stop('was aborted')
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  const endWatch = watchMemory(child.pid ?? 0, maxMemoryBytes, () => {
    stop(`was stopped when it had more than ${Math.round(maxMemoryBytes / 1024 / 1024)} MiB of memory`)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_KEPT_LENGTH)
  })
  try {
    const output = await readStream(child.stdout, `${subject}: the output of ${tool}`, maxBytes)
    const { code, failure } = await ended
    if (failure !== undefined) throw failed(`could not be started (${failure.message})`, failure)
    // Stopped between the end of its output and its own end.
    if (stopped !== null) throw failed(stopped)
    if (code === 0) return { output, said, failure: null }
    return { output, said, failure: failed(code === null ? 'was killed' : `failed with exit code ${code}`) }
  } catch (error) {
    signal?.throwIfAborted()
    throw stopped === null || error instanceof GateError ? error : failed(stopped, error)
  } finally {
    clearTimeout(timer)
    endWatch()
    signal?.removeEventListener('abort', onAbort)
    stop('has ended')
  }
}

/** What a program printed. @throws its failure */
export function outputOf({ output, failure }: ToolResult): Uint8Array {
  if (failure !== null) throw failure
  return output
}

function start({ binary, args, cwd, env }: ToolRun, failed: (reason: string, cause: unknown) => GateError) {
  try {
    return spawn(binary, args, {
      cwd,
      env: { ...env },
      shell: false,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  } catch (error) {
    // Some faults are thrown instead of reported, among them arguments that are too long or hold a NUL.
    throw failed(`could not be started (${thrownText(error)})`, error)
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

/** The end of what was said on stderr, without credentials and without the names of temporary places. */
function shownText(said: string, shownAs: Readonly<Record<string, string>>): string {
  let text = said.trim()
  for (const [hidden, shown] of Object.entries(shownAs)) text = text.replaceAll(hidden, shown)
  text = text
    .replaceAll(/(--username|--password)[ =]\S*/g, '$1 ******')
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]+:[^\s/@]+@/gi, '$1******@')
  return text.length > MAX_QUOTED_LENGTH ? `…${text.slice(-MAX_QUOTED_LENGTH)}` : text
}
