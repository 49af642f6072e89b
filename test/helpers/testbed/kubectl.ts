import { spawn } from 'node:child_process'
import { program } from './programs.js'

/** How kubectl ended, and what it said. */
export interface KubectlResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const MAX_BYTES = 64 * 1024 * 1024

/**
 * Runs the real kubectl with a home of its own; at most a minute.
 *
 * @param directory its working directory, home and cache
 */
export function runKubectl(
  args: readonly string[],
  options: { kubeconfig: string; directory: string; input?: string },
): Promise<KubectlResult> {
  const { kubeconfig, directory, input = '' } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program('kubectl'), args, {
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: directory, KUBECONFIG: kubeconfig },
      timeout: 60_000,
      killSignal: 'SIGKILL',
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let length = 0
    const collect = (chunks: Buffer[]) => (chunk: Buffer) => {
      length += chunk.length
      if (length > MAX_BYTES) child.kill('SIGKILL')
      else chunks.push(chunk)
    }
    child.stdout.on('data', collect(stdout))
    child.stderr.on('data', collect(stderr))
    child.once('error', reject)
    child.once('close', status => {
      resolve({
        status,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      })
    })
    // kubectl may end without reading all of it; its exit code tells.
    child.stdin.once('error', () => undefined)
    child.stdin.end(input)
  })
}
