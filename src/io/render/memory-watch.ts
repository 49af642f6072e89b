import { readFileSync } from 'node:fs'

/** A tool that runs away takes a few hundred MiB a second. */
const LOOK_EVERY_MS = 100
/** A tool starts one or two; a bound keeps a process that forks without an end from keeping us busy. */
const MAX_PROCESSES = 32

/**
 * Looks at the memory of a process and of those that it started until it is over the limit, which is said once. Linux tells
 * it in /proc; elsewhere nothing is watched.
 *
 * @returns ends the watch
 */
export function watchMemory(pid: number, maxBytes: number, onExceeded: () => void): () => void {
  const timer = setInterval(() => {
    if (residentBytes(pid) <= maxBytes) return
    clearInterval(timer)
    onExceeded()
  }, LOOK_EVERY_MS)
  return () => {
    clearInterval(timer)
  }
}

function residentBytes(root: number): number {
  let bytes = 0
  const processes = new Set([root])
  for (const pid of processes) {
    bytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(procFile(`${pid}/status`))?.[1] ?? 0) * 1024
    for (const child of procFile(`${pid}/task/${pid}/children`).split(' ')) {
      if (child !== '' && processes.size < MAX_PROCESSES) processes.add(Number(child))
    }
  }
  return bytes
}

/** A process may end at any moment: what is gone is empty. */
function procFile(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}
