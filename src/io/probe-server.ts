import { createServer, type RequestListener } from 'node:http'
import { thrownText } from '../errors.js'
import { listen, type Listening } from './listening.js'

/** What probes and Prometheus ask; the answers are made when asked for. */
export interface ProbeServerOptions {
  readonly address: string
  /** 0: any free one */
  readonly port: number
  readonly isLive: () => boolean
  /** Why the program is not ready, or null when it is. */
  readonly notReady: () => string | null
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/** /livez, /readyz and /metrics over plain HTTP, for programs whose main thread answers; GET only. @throws GateError CONFIG_INVALID */
export async function startProbeServer(options: ProbeServerOptions): Promise<Listening> {
  const answer = async (path: string): Promise<readonly [status: number, contentType: string, text: string]> => {
    const plain = 'text/plain; charset=utf-8'
    if (path === '/livez') return options.isLive() ? [200, plain, 'ok\n'] : [500, plain, 'not live\n']
    if (path === '/readyz') {
      const problem = options.notReady()
      return problem === null ? [200, plain, 'ok\n'] : [503, plain, `${problem}\n`]
    }
    if (path !== '/metrics') return [404, plain, 'there is /livez, /readyz and /metrics\n']
    const { contentType, text } = await options.metrics()
    return [200, contentType, text]
  }
  const listener: RequestListener = (request, response) => {
    const send = (status: number, contentType: string, text: string) => {
      response.writeHead(status, { 'content-type': contentType }).end(request.method === 'HEAD' ? '' : text)
    }
    // Nothing that is sent along is read.
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(405, 'text/plain; charset=utf-8', 'GET only\n')
      return
    }
    const [path = ''] = (request.url ?? '').split('?')
    answer(path).then(
      each => {
        send(...each)
      },
      (thrown: unknown) => {
        send(500, 'text/plain; charset=utf-8', `${thrownText(thrown)}\n`)
      },
    )
  }
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 30_000, maxHeaderSize: 8192 },
    listener,
  )
  server.maxConnections = 64
  return listen(server, 'probes', options.address, options.port)
}
