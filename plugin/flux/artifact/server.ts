import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { listen, type Listening } from '../../../src/io/listening.js'
import type { ArtifactStore, GateName } from './store.js'

export interface ArtifactServerOptions {
  readonly address: string
  /** 0: any free one */
  readonly port: number
  /** null where this replica has no artifacts to serve. */
  readonly store: () => Pick<ArtifactStore, 'current' | 'hasFile' | 'fileOf'> | null
  readonly onServed: (status: number) => void
  /** The bytes that were sent are not those of the digest in their URL. */
  readonly onCorrupt: (gate: GateName, digest: string) => void
}

const PATH = /^\/([a-z0-9][-.a-z0-9]*)\/([a-z0-9][-.a-z0-9]*)\/([0-9a-f]{64})\.tar\.gz$/
const MAX_CONNECTIONS = 256

/** Serves artifacts by their digest over plain HTTP: GET and HEAD of what the store has, and nothing else. @throws GateError CONFIG_INVALID */
export async function startArtifactServer(options: ArtifactServerOptions): Promise<Listening> {
  const { address, port, store, onServed, onCorrupt } = options
  const listener: RequestListener = (request, response) => {
    request.resume()
    const refuse = (status: number, text: string) => {
      onServed(status)
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(request.method === 'HEAD' ? '' : text)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(405, 'GET only\n')
      return
    }
    const served = store()
    if (served === null) {
      refuse(503, 'this replica does not lead\n')
      return
    }
    const [, namespace = '', name = '', hex = ''] = PATH.exec(request.url ?? '') ?? []
    const [gate, digest] = [{ namespace, name }, `sha256:${hex}`]
    // A name is compared with what is known, and never becomes a path by itself.
    if (!served.hasFile(gate, digest)) {
      refuse(404, 'there is no such artifact\n')
      return
    }
    const hash = createHash('sha256')
    const measured = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    }
    response.setHeader('content-type', 'application/gzip')
    if (request.method === 'HEAD') {
      onServed(200)
      response.end()
      return
    }
    pipeline(createReadStream(served.fileOf(gate, digest)), measured, response).then(
      () => {
        onServed(200)
        if (hash.digest('hex') !== hex) onCorrupt(gate, digest)
      },
      (thrown: unknown) => {
        onServed(500)
        const isGone = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
        if (isGone) onCorrupt(gate, digest)
        response.destroy()
      },
    )
  }
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000, maxHeaderSize: 8192 }, listener)
  server.maxConnections = MAX_CONNECTIONS
  return listen(server, 'artifacts', address, port)
}
