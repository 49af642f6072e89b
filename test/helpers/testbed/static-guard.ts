import { createServer } from 'node:https'
import { type Manifest, member } from './api-objects.js'
import { createCertificateAuthority } from './certificates.js'
import { listen } from './listen.js'
import { readBody } from './request-body.js'
import type { Testbed } from './testbed.js'

/**
 * Starts a webhook that denies to create a ConfigMap and to delete a ValidatingWebhookConfiguration when they have the label `guarded`.
 *
 * @returns its configuration, for a file of the API server
 */
export async function startStaticGuard(bed: Testbed): Promise<Manifest> {
  const authority = createCertificateAuthority()
  const certificate = authority.issue({ commonName: 'guard', hosts: ['127.0.0.1'] })
  const server = createServer(certificate, (incoming, response) => {
    void (async () => {
      const request = member(JSON.parse((await readBody(incoming)).toString('utf8')), 'request')
      const labels = member(
        request,
        member(request, 'operation') === 'DELETE' ? 'oldObject' : 'object',
        'metadata',
        'labels',
      )
      const allowed = member(labels, 'guarded') === undefined
      const status = { code: 403, reason: 'Forbidden', message: 'guarded by a file' }
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: member(request, 'uid'), allowed, ...(!allowed && { status }) },
        }),
      )
    })()
  })
  const port = await listen(bed, 'guard', server)
  const webhook = {
    name: 'guard.lockkeeper.static.k8s.io',
    clientConfig: {
      url: `https://127.0.0.1:${port}/`,
      caBundle: Buffer.from(authority.certificate, 'utf8').toString('base64'),
    },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    rules: [
      { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        apiVersions: ['v1'],
        resources: ['validatingwebhookconfigurations'],
        operations: ['DELETE'],
      },
    ],
  }
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'guard.static.k8s.io' },
    webhooks: [webhook],
  }
}
