import { createServer, type IncomingMessage } from 'node:http'
import { member } from './api-objects.js'
import type { AuditEvent } from './audit.js'
import { listen } from './listen.js'
import { readBody } from './request-body.js'
import type { Testbed } from './testbed.js'

/** Takes what an API server sends to its audit webhook. */
export interface AuditReceiver {
  readonly url: string
  /** All events until now, in the order they came. */
  events(): readonly AuditEvent[]
}

/** An audit webhook on loopback, without TLS: what is tested is what arrives, not how. */
export async function startAuditReceiver(bed: Testbed): Promise<AuditReceiver> {
  const received: AuditEvent[] = []
  const server = createServer((request, response) => {
    readEvents(request).then(
      events => {
        received.push(...events)
        response.end()
      },
      (error: unknown) => {
        response.writeHead(400).end(String(error))
      },
    )
  })
  const port = await listen(bed, 'audit receiver', server)
  return { url: `http://127.0.0.1:${port}/`, events: () => [...received] }
}

async function readEvents(request: IncomingMessage): Promise<AuditEvent[]> {
  const list: unknown = JSON.parse((await readBody(request)).toString('utf8'))
  const items = member(list, 'items')
  if (member(list, 'kind') !== 'EventList' || !Array.isArray(items)) throw new Error('this is no EventList')
  return items as AuditEvent[]
}
