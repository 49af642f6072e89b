import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { AdmissionRequest } from '../../src/admission.js'
import type { JsonObject } from '../../src/json.js'
import { type Manifest, member } from './testbed/api-objects.js'
import { createCertificateAuthority } from './testbed/certificates.js'
import { readBody } from './testbed/request-body.js'
import type { Testbed } from './testbed/testbed.js'

/** A request, and the name of the webhook that it was sent to. */
export interface Reached {
  readonly entry: string
  readonly request: AdmissionRequest
  /** The common name of the caller's certificate; '' where it shows none. */
  readonly caller: string
}

/** A server in the place of the gate: it remembers which entry asked about what, and allows it. */
export interface RecordingGate {
  /** `https://host:port` */
  readonly url: string
  /** PEM */
  readonly authority: string
  /** Denies what it says, with this message. */
  deny: ((reached: Reached) => string | null) | null
  take(): Reached[]
  /** Nobody listens until it is up again, on the same port. */
  down(): Promise<void>
  up(): Promise<void>
}

/** Starts it. An entry is known by its path: `/<name of the webhook>`. */
export async function startRecordingGate(bed: Testbed): Promise<RecordingGate> {
  const authority = createCertificateAuthority('gate')
  const certificate = authority.issue({ commonName: 'gate', hosts: ['127.0.0.1'] })
  let reached: Reached[] = []
  // Any certificate: it is only looked at.
  const tls = { ...certificate, requestCert: true, rejectUnauthorized: false }
  const server = createServer(tls, (incoming, response) => {
    void (async () => {
      const review: unknown = JSON.parse((await readBody(incoming)).toString('utf8'))
      const one = {
        entry: new URL(incoming.url ?? '', 'https://gate').pathname.slice(1),
        request: member(review, 'request') as AdmissionRequest,
        caller: incoming.socket instanceof TLSSocket ? commonName(incoming.socket) : '',
      }
      reached.push(one)
      const message = gate.deny?.(one) ?? null
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: {
            uid: one.request.uid,
            allowed: message === null,
            ...(message !== null && { status: { code: 403, message } }),
          },
        }),
      )
    })()
  })
  server.keepAliveTimeout = 0
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const down = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const port = await listen(0)
  bed.onClose('recording gate', down)
  const gate: RecordingGate = {
    url: `https://127.0.0.1:${port}`,
    authority: authority.certificate,
    deny: null,
    take: () => {
      const taken = reached
      reached = []
      return taken
    },
    down,
    up: async () => {
      await listen(port)
    },
  }
  return gate
}

function commonName(socket: TLSSocket): string {
  const name = member(socket.getPeerCertificate(), 'subject', 'CN')
  return typeof name === 'string' ? name : ''
}

/** A configuration whose webhooks each call a path with their own name. */
export function withPathsByName(configuration: JsonObject, url: string): JsonObject {
  const webhooks = (configuration.webhooks as JsonObject[]).map(webhook => ({
    ...webhook,
    clientConfig: {
      caBundle: member(webhook, 'clientConfig', 'caBundle') as string,
      url: `${url}/${webhook.name as string}`,
    },
  }))
  return { ...configuration, webhooks }
}

/** A kind of the users' own with a status, open to any content. */
export function customKind(group: string, kind: string, plural: string): Manifest {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' } },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }
}
