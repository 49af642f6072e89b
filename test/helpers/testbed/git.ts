import { spawn, type ChildProcess } from 'node:child_process'

/** The whole environment of git but for PATH: nothing of the user's or the machine's settings. */
export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Alice',
  GIT_AUTHOR_EMAIL: 'alice@example.test',
  GIT_COMMITTER_NAME: 'Alice',
  GIT_COMMITTER_EMAIL: 'alice@example.test',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  TZ: 'UTC',
}

const TIMEOUT_MS = 30_000
const MAX_BYTES = 1 << 24

/** Starts git in a directory; it ends with SIGKILL when it takes half a minute. */
export function spawnGit(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess & { stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  return spawn('git', args, {
    cwd: directory,
    env: { PATH: process.env.PATH, ...GIT_ENVIRONMENT, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
}

/**
 * Runs git in a directory and gives what it wrote to stdout, without the last line end.
 *
 * @throws Error with the end of its stderr when it fails, or writes more than 16 MiB
 */
export function git(directory: string, args: readonly string[], input: string | Buffer = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawnGit(directory, args)
    const chunks: Buffer[] = []
    const errors: Buffer[] = []
    let bytes = 0
    const collect = (list: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MAX_BYTES) child.kill('SIGKILL')
      else list.push(chunk)
    }
    child.stdout.on('data', collect(chunks))
    child.stderr.on('data', collect(errors))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8').replace(/\n$/, ''))
      else {
        const end = Buffer.concat(errors).toString('utf8').slice(-2000)
        reject(new Error(`git ${args.join(' ')}: ${signal ?? `exit code ${code ?? '?'}`}: ${end}`))
      }
    })
    // git may end without reading all of it, and says why on stderr.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
