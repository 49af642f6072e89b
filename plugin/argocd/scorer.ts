import { chmod, lstat, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { GateError, thrownText, toGateError } from '../../src/errors.js'
import { bundleFingerprint } from './bundle-fingerprint.js'
import type { GenerateConfiguration } from './configuration.js'
import { failure, type GenerateRequest } from './generate.js'
import type { Answer } from './judge-messages.js'
import type { Judge } from './judge-worker.js'
import { MAX_REQUEST_BYTES, parseWireRequest, wireAnswer } from './wire.js'

/** A gate that stays up, for renders that are asked for on a Unix socket. */
export interface Scorer {
  /** Resolves when the signal has ended it and no request is left. */
  readonly closed: Promise<void>
}

export interface ScorerOptions {
  readonly socket: string
  readonly version: string
  readonly configuration: GenerateConfiguration & { readonly workDirectory: string }
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  readonly startJudge: (configuration: GenerateConfiguration) => Judge
  readonly generate: (request: GenerateRequest, judge: Pick<Judge, 'judge' | 'doing'>) => Promise<Answer>
  /** How long a client may take to say what it wants. */
  readonly requestTimeoutMs?: number
}

const MAX_CONNECTIONS = 256
const REQUEST_TIMEOUT_MS = 5_000
/** What the kernel keeps of a path; Node would cut the rest off without a word. @see unix(7) */
const MAX_PATH_BYTES = 107

/** Loads the bundle and listens. @throws GateError when the bundle cannot be used, or the socket */
export async function startScorer(options: ScorerOptions): Promise<Scorer> {
  const { socket: path, version, signal, log, generate } = options
  const gate = createWarmGate(options)
  log(`judging with the bundle ${await gate.start()}`)
  const open = new Set<Socket>()

  async function respond(socket: Socket): Promise<void> {
    const gone = new AbortController()
    const end = (): void => {
      gone.abort()
    }
    socket.once('close', end)
    signal.addEventListener('abort', end, { once: true })
    try {
      const line = await readLine(socket, options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS)
      const request = parseWireRequest(line)
      if (typeof request === 'string') throw new GateError('USAGE', request)
      // The client sees the version in the answer and says what to do.
      if (request.version !== version) throw new GateError('USAGE', `the client is of version ${request.version}`)
      const { cwd: directory, env } = request
      const answer = await generate({ directory, env, now: new Date(), signal: gone.signal }, await gate.current())
      socket.end(wireAnswer(version, answer))
    } catch (error) {
      if (!socket.destroyed) socket.end(wireAnswer(version, failure(toGateError(error, 'INTERNAL'))))
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  const server = createServer({ allowHalfOpen: true }, socket => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A client that went away; 'close' follows.
    socket.on('error', () => undefined)
    // It says nothing more after its request: an end is that of a client which does not wait.
    socket.once('end', () => socket.destroySoon())
    void respond(socket)
  })
  server.maxConnections = MAX_CONNECTIONS
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new GateError('USAGE', `the path of the socket is longer than ${MAX_PATH_BYTES} bytes: ${path}`)
  }
  await removeStale(path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  }).catch((error: unknown) => {
    throw new GateError('USAGE', `the socket ${path} cannot be used: ${thrownText(error)}`, { cause: error })
  })
  await chmod(path, 0o600)
  log(`listening on ${path}`)
  const closed = new Promise<void>(resolve => {
    const close = (): void => {
      server.close(() => {
        gate.close()
        resolve()
      })
    }
    if (signal.aborted) close()
    else signal.addEventListener('abort', close, { once: true })
  })
  return { closed }
}

/** The judging thread: started anew when it ended, and when the bundle has changed. */
function createWarmGate({ configuration, startJudge, log }: ScorerOptions) {
  let judge = startJudge(configuration)
  let seen = ''
  let next: Promise<void> | null = null
  const look = () => bundleFingerprint(configuration.bundle?.path)

  async function reload(found: string): Promise<void> {
    const fresh = startJudge(configuration)
    seen = found
    try {
      const digest = await fresh.ready
      judge.close()
      judge = fresh
      log(`judging with the bundle ${digest}`)
    } catch (error) {
      fresh.close()
      log(`the bundle has changed and cannot be used, the last one stays: ${thrownText(error)}`)
    } finally {
      next = null
    }
  }

  return {
    async start(): Promise<string> {
      seen = await look()
      return judge.ready
    },
    async current(): Promise<Judge> {
      const found = await look()
      if (next === null && found !== seen) next = reload(found)
      if (next !== null) await next
      if (!judge.isRunning) judge = startJudge(configuration)
      return judge
    },
    close(): void {
      judge.close()
    },
  }
}

/** The first line that a client sends; it may take only so long and so many bytes. */
function readLine(socket: Socket, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => {
      reject(new GateError('USAGE', 'the request did not come in time'))
    }, timeoutMs)
    const stop = (settle: () => void): void => {
      clearTimeout(timer)
      socket.removeListener('data', take)
      // What else comes is read and forgotten, so that the end of the client is seen.
      socket.resume()
      settle()
    }
    const take = (chunk: Buffer): void => {
      const end = chunk.indexOf(10)
      chunks.push(end === -1 ? chunk : chunk.subarray(0, end))
      size += chunk.length
      if (size > MAX_REQUEST_BYTES) {
        stop(() => {
          reject(new GateError('USAGE', 'the request is too large'))
        })
      } else if (end !== -1) {
        stop(() => {
          resolve(Buffer.concat(chunks).toString('utf8'))
        })
      }
    }
    socket.on('data', take)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new GateError('GATE_CLOSED', 'the client went away'))
    })
  })
}

/** A socket that nobody listens on is left by a scorer that was killed. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return
  if (!found.isSocket()) throw new GateError('USAGE', `${path} is there already, and is no socket`)
  const isUsed = await new Promise<boolean>(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
  if (isUsed) throw new GateError('USAGE', `somebody listens on ${path} already`)
  await rm(path, { force: true })
}
