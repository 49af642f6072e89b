import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { JsonObject } from '../../../src/json.js'
import { createCertificateAuthority } from '../testbed/certificates.js'
import { type ControlPlane, startControlPlane } from '../testbed/control-plane.js'
import { listen } from '../testbed/listen.js'
import { member } from '../testbed/api-objects.js'
import { readBody } from '../testbed/request-body.js'
import type { Testbed } from '../testbed/testbed.js'
import type { ServedKind } from './openapi.js'

/** Shows what the API server makes of an object when it reads it, valid or not. */
export interface Witness {
  readonly plane: ControlPlane
  /** The object as it was read, filled in and written again, before anything checks it. */
  show(kind: ServedKind, object: JsonObject): Promise<JsonObject>
}

/** Plug-ins that change objects, or refuse them before a webhook sees them. */
const OTHER_PLUGINS = [
  'DefaultIngressClass',
  'DefaultStorageClass',
  'DefaultTolerationSeconds',
  'LimitRanger',
  'Priority',
  'RuntimeClass',
  'ServiceAccount',
  'StorageObjectInUseProtection',
  'TaintNodesByCondition',
]

const NAME = 'probe-'

/**
 * Starts an API server with a webhook that is asked before validation and refuses what was sent by `show`.
 * A mutating webhook gets the object after defaulting and before every check, so that types can be tried one member at a time;
 * one from a file is asked about webhook configurations too.
 */
export async function startWitness(bed: Testbed): Promise<Witness> {
  const seen = new Map<string, JsonObject>()
  const authority = createCertificateAuthority()
  const { cert, key } = authority.issue({ commonName: 'witness', hosts: ['127.0.0.1'] })
  const server = createServer({ cert, key }, (request, response) => {
    void answer(request, response, seen)
  })
  // The API server keeps its connections; one that ends while a review is on its way would fail the request.
  server.keepAliveTimeout = 0
  const port = await listen(bed, 'witness', server)
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'witness.static.k8s.io' },
    webhooks: [
      {
        name: 'witness.static.k8s.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        matchPolicy: 'Exact',
        timeoutSeconds: 30,
        clientConfig: {
          url: `https://127.0.0.1:${port}/`,
          caBundle: Buffer.from(authority.certificate, 'utf8').toString('base64'),
        },
        rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources: ['*'], scope: '*' }],
      },
    ],
  }
  const plane = await startControlPlane(bed, {
    controllers: false,
    staticWebhooks: [configuration],
    extraArgs: [`--disable-admission-plugins=${OTHER_PLUGINS.join(',')}`],
  })
  let count = 0
  return {
    plane,
    show: async ({ apiVersion, kind, path }, object) => {
      const name = `${NAME}${(count += 1)}`
      const { status, text: message } = await plane.admin.request('POST', path, {
        body: { apiVersion, kind, ...object },
        query: { dryRun: 'All', fieldManager: name },
      })
      const shown = seen.get(name)
      seen.delete(name)
      if (shown === undefined) throw new Error(`${kind} was not read, HTTP ${status}: ${message.slice(0, 1000)}`)
      return shown
    },
  }
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  seen: Map<string, JsonObject>,
): Promise<void> {
  const review: unknown = JSON.parse((await readBody(incoming)).toString('utf8'))
  const uid = member(review, 'request', 'uid')
  const name = member(review, 'request', 'options', 'fieldManager')
  const isProbe = typeof name === 'string' && name.startsWith(NAME)
  if (isProbe) seen.set(name, member(review, 'request', 'object') as JsonObject)
  const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: !isProbe } }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}
