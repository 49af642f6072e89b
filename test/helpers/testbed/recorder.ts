import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AdmissionRequest } from '../../../src/admission.js'
import { member } from './api-objects.js'
import { createCertificateAuthority } from './certificates.js'
import type { ControlPlane } from './control-plane.js'
import { listen } from './listen.js'
import { waitFor } from './processes.js'
import { readBody } from './request-body.js'
import type { Testbed } from './testbed.js'

/** One AdmissionReview as the API server sent it. */
export interface RecordedReview {
  /** The body, byte for byte. */
  readonly bytes: Buffer
  /** Its request by JSON.parse, to choose by; nothing is checked, and numbers beyond 2^53 are right in `bytes` only. */
  readonly request: AdmissionRequest
}

/** A validating webhook that allows everything and remembers it. */
export interface Recorder {
  /** Takes out what came since the recorder started or was last asked: all, or what the filter chooses. */
  take(filter?: (request: AdmissionRequest) => boolean): RecordedReview[]
}

export interface RecorderOptions {
  /** Of the ValidatingWebhookConfiguration; needed by the second recorder of a bed. */
  readonly name?: string
  /** Members of the webhook in the configuration: `rules`, selectors, `matchConditions`. Everything is recorded when nothing is said. */
  readonly webhook?: Readonly<Record<string, unknown>>
}

const EVERYTHING = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'], scope: '*' }]
const PROBE_LABEL = 'recorder-probe'

/**
 * Starts a recorder and registers it. It is active when this resolves: what is sent afterwards is recorded before the API server answers,
 * and a request that cannot be recorded fails.
 */
export async function startRecorder(
  bed: Testbed,
  plane: ControlPlane,
  options: RecorderOptions = {},
): Promise<Recorder> {
  const { name = 'recorder', webhook = {} } = options
  const authority = createCertificateAuthority()
  const certificate = authority.issue({ commonName: name, hosts: ['127.0.0.1'] })
  let reviews: RecordedReview[] = []
  let probed = 0
  const server = createServer(certificate, (request, response) => {
    void answer(request, response, review => {
      if (request.url?.startsWith('/probe') === true) probed += 1
      else if (!isProbe(review.request)) reviews.push(review)
    })
  })
  // The API server keeps its connections; one that ends while a review is on its way would fail the request.
  server.keepAliveTimeout = 0
  const port = await listen(bed, name, server)

  const common = {
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    timeoutSeconds: 10,
  }
  const clientConfig = (path: string) => ({
    url: `https://127.0.0.1:${port}/${path}`,
    caBundle: Buffer.from(authority.certificate, 'utf8').toString('base64'),
  })
  // The webhooks of a configuration become active together: one that this function can ask shows when the test's own is.
  const probe = {
    ...common,
    name: 'probe.testbed.lockkeeper.dev',
    clientConfig: clientConfig('probe'),
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    objectSelector: { matchLabels: { [PROBE_LABEL]: name } },
  }
  await plane.admin.create({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        ...common,
        name: 'recorder.testbed.lockkeeper.dev',
        clientConfig: clientConfig('record'),
        rules: EVERYTHING,
        ...webhook,
      },
      probe,
    ],
  })
  await waitFor(`the webhook ${name} is active`, async () => {
    const metadata = { name: `probe-${randomUUID()}`, labels: { [PROBE_LABEL]: name } }
    await plane.admin.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata }, { dryRun: true })
    return probed > 0
  })
  return {
    take: (filter = () => true) => {
      const taken = reviews.filter(each => filter(each.request))
      reviews = reviews.filter(each => !taken.includes(each))
      return taken
    },
  }
}

/** Records a review and allows it; what is no AdmissionReview gets a 400, which fails the request at the API server. */
async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  record: (review: RecordedReview) => void,
): Promise<void> {
  try {
    const bytes = await readBody(incoming)
    const review: unknown = JSON.parse(bytes.toString('utf8'))
    const uid = member(review, 'request', 'uid')
    if (member(review, 'kind') !== 'AdmissionReview' || typeof uid !== 'string') throw new Error('no AdmissionReview')
    record({ bytes, request: member(review, 'request') as AdmissionRequest })
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true },
      }),
    )
  } catch (error) {
    response.writeHead(400).end(String(error))
  }
}

/** The probes of any recorder: another one's must not be taken for a test's. */
function isProbe({ object }: AdmissionRequest): boolean {
  return member(object, 'metadata', 'labels', PROBE_LABEL) !== undefined
}
