import { spawnSync } from 'node:child_process'
import { CLI, ROOT } from './repository.js'

export interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts the real program and waits for its end; at most a minute. */
export function lockkeeper(
  args: readonly string[],
  options: { input?: string | Buffer; cwd?: string; env?: Record<string, string> } = {},
): CommandResult {
  const { input = '', cwd = ROOT, env = {} } = options
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    cwd,
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 60_000,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  })
  return { status, stdout, stderr }
}
