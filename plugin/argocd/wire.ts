import type { Answer } from './judge-messages.js'

// Between the client in argocd-cmp-server's container and the scorer beside it: one line of JSON for a request; for an
// answer a line of JSON with the sizes, and then the bytes of stdout and stderr. The client has its own, smaller side of it.

/** What a client asks. */
export interface WireRequest {
  readonly version: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** More than any environment of a process can be. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** Reads a request. @returns what is wrong with it as a text */
export function parseWireRequest(line: string): WireRequest | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'the request is not JSON'
  }
  if (typeof value !== 'object' || value === null) return 'the request is not an object'
  const { version, cwd, env } = value as Partial<Record<string, unknown>>
  if (typeof version !== 'string' || typeof cwd !== 'string' || !cwd.startsWith('/')) {
    return 'the request has no version and absolute directory'
  }
  if (typeof env !== 'object' || env === null || !Object.values(env).every(each => typeof each === 'string')) {
    return 'the request has no environment'
  }
  return { version, cwd, env: env as Record<string, string> }
}

/** Writes an answer. */
export function wireAnswer(version: string, { exitCode, stdout, stderr }: Answer): Buffer {
  const [out, err] = [Buffer.from(stdout), Buffer.from(stderr)]
  const head = { version, exitCode, stdoutBytes: out.length, stderrBytes: err.length }
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), out, err])
}
