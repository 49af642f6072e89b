import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** What a test bed could leave on a machine. */
export interface Traces {
  /** Processes that work in `directory` or name something in it: their command lines. */
  readonly processes: readonly string[]
  /** Loopback and other TCP ports that somebody listens on. */
  readonly ports: readonly number[]
  readonly mounts: readonly string[]
  /** Names in the system's temporary directory. */
  readonly files: readonly string[]
}

/** What is on the machine now. */
export function traces(directory: string): Traces {
  return {
    processes: readdirSync('/proc').flatMap(pid => (/^\d+$/.test(pid) ? processOf(pid, directory) : [])),
    ports: ['tcp', 'tcp6'].flatMap(listening),
    mounts: readFileSync('/proc/self/mounts', 'utf8').trim().split('\n'),
    files: readdirSync(tmpdir()),
  }
}

/** What is in the second and was not in the first. */
export function added(before: Traces, after: Traces): Traces {
  const rest = <T>(known: readonly T[], found: readonly T[]) => found.filter(each => !known.includes(each))
  return {
    processes: rest(before.processes, after.processes),
    ports: rest(before.ports, after.ports),
    mounts: rest(before.mounts, after.mounts),
    files: rest(before.files, after.files),
  }
}

function processOf(pid: string, directory: string): string[] {
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    // redis-server writes its own title over both.
    const works = readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)
    return works || commandLine.includes(directory) ? [`${pid} ${commandLine}`] : []
  } catch {
    // It has ended meanwhile.
    return []
  }
}

const LISTEN = '0A'

function listening(table: string): number[] {
  const lines = readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1)
  return lines.flatMap(line => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    return state === LISTEN ? [Number.parseInt(local.slice(local.indexOf(':') + 1), 16)] : []
  })
}
