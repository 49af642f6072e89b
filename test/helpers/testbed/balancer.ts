import { get as getHttp } from 'node:http'
import { get as getHttps } from 'node:https'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Testbed } from './testbed.js'

/** One server behind the balancer, as a Pod is behind a Service. */
export interface Backend {
  readonly port: number
  /** What its readiness probe asks; http or https. */
  readonly readyUrl: string
}

/** A TCP balancer that treats its backends as a Service with readiness probes treats its Pods. */
export interface Balancer {
  /** The port on 127.0.0.1 that clients use. */
  readonly port: number
  /** Follows a backend from now on; it gets connections once its probe has succeeded. */
  add(backend: Backend): void
  /** New connections go elsewhere at once, as for a Pod that is being deleted; established ones stay. */
  remove(backend: Backend): void
  /** The backends that new connections go to, in the order they were added. */
  ready(): readonly Backend[]
}

export interface BalancerOptions {
  readonly backends?: readonly Backend[]
  /** The probe's `periodSeconds`, in milliseconds. */
  readonly periodMs?: number
  /** The probe's `timeoutSeconds`, in milliseconds. */
  readonly timeoutMs?: number
  /** So many probes in a row have to fail before a backend stops being ready. */
  readonly failureThreshold?: number
}

interface Probed {
  readonly backend: Backend
  isReady: boolean
  failures: number
  timer: NodeJS.Timeout | null
}

/**
 * Starts a balancer on 127.0.0.1; it closes with the test bed.
 *
 * - A new connection goes to the next ready backend, in turn. A connection stays with its backend until one of the two closes it.
 * - Without a ready backend, and when the chosen one cannot be reached, the client's connection is reset: a Service refuses it, but a port
 *   that nobody listens on for a while could be lost to another program.
 * - Probes are like a kubelet's: a new connection each, no check of the certificate, success is a status from 200 to 399.
 */
export async function startBalancer(bed: Testbed, options: BalancerOptions = {}): Promise<Balancer> {
  const { backends = [], periodMs = 100, timeoutMs = 1000, failureThreshold = 1 } = options
  let probed: readonly Probed[] = []
  let turn = 0
  const sockets = new Set<Socket>()

  const follow = async (each: Probed): Promise<void> => {
    const succeeded = await probe(each.backend.readyUrl, timeoutMs)
    if (!probed.includes(each)) return
    each.failures = succeeded ? 0 : each.failures + 1
    each.isReady = succeeded || (each.isReady && each.failures < failureThreshold)
    each.timer = setTimeout(() => void follow(each), periodMs)
  }
  const add = (backend: Backend): void => {
    const each: Probed = { backend, isReady: false, failures: 0, timer: null }
    probed = [...probed, each]
    void follow(each)
  }
  const remove = (backend: Backend): void => {
    for (const each of probed) if (each.backend === backend && each.timer !== null) clearTimeout(each.timer)
    probed = probed.filter(each => each.backend !== backend)
  }
  const ready = (): readonly Backend[] => probed.filter(each => each.isReady).map(each => each.backend)
  const track = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }

  // Half-open on both sides: a client that has said all it has to say still gets its answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    track(client)
    const candidates = ready()
    const backend = candidates[turn % candidates.length]
    turn += 1
    if (backend === undefined) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ port: backend.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    track(upstream)
    join(client, upstream)
    join(upstream, client)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  bed.onClose('balancer', async () => {
    for (const { backend } of probed) remove(backend)
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  for (const backend of backends) add(backend)
  return { port: (server.address() as AddressInfo).port, add, remove, ready }
}

/** Passes on what `from` says, and how it ends: an orderly end as one, everything else as a reset. */
function join(from: Socket, to: Socket): void {
  from.pipe(to)
  from.on('error', () => reset(to))
  from.on('close', () => {
    if (!from.readableEnded) reset(to)
  })
}

/** One that has said all it has to say is only closed: Node would lose its handle, which then keeps the process busy for ever. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** True when a server that is asked once is ready. */
function probe(url: string, timeoutMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const get = url.startsWith('https:') ? getHttps : getHttp
    const options = { agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(timeoutMs) }
    const request = get(url, options, response => {
      const { statusCode = 0 } = response
      resolve(statusCode >= 200 && statusCode < 400)
      response.destroy()
    })
    request.on('error', () => resolve(false))
  })
}
