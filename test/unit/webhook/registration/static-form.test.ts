import t from 'tap'
import {
  buildAdmissionConfiguration,
  buildAdmissionKubeconfig,
  buildStaticConfiguration,
  fileText,
} from '../../../../webhook/registration/static-form.js'
import { registrationOptions } from '../../../helpers/registration.js'

t.test('the static form guards what decides about admission, and calls a URL', t => {
  const built = buildStaticConfiguration({ url: 'https://127.0.0.1:9443', authorities: 'PEM', failurePolicy: 'Fail' })
  t.strictSame(built, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'lockkeeper.static.k8s.io' },
    webhooks: [
      {
        name: 'admission-control.lockkeeper.static.k8s.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        timeoutSeconds: 5,
        clientConfig: { url: 'https://127.0.0.1:9443/validate', caBundle: 'UEVN' },
        rules: [
          {
            apiGroups: ['admissionregistration.k8s.io'],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: [
              'mutatingadmissionpolicies',
              'mutatingadmissionpolicybindings',
              'mutatingwebhookconfigurations',
              'validatingadmissionpolicies',
              'validatingadmissionpolicybindings',
              'validatingwebhookconfigurations',
            ],
            scope: 'Cluster',
          },
        ],
      },
    ],
  })
  t.end()
})

t.test('with everything it asks for what the configuration in the cluster does, by the same URL', async t => {
  const {
    authorities,
    target: _target,
    failurePolicy: _policy,
    ...everything
  } = await registrationOptions({
    authorities: 'PEM',
  })
  const built = buildStaticConfiguration({ url: 'https://gate', authorities, failurePolicy: 'Ignore', everything })
  const webhooks = built.webhooks as { name: string; failurePolicy: string; clientConfig: { url: string } }[]
  t.strictSame(
    webhooks.map(({ name, failurePolicy, clientConfig }) => [name, failurePolicy, clientConfig.url]),
    ['admission-control', 'namespaced', 'cluster', 'cold-start'].map(name => [
      `${name}.lockkeeper.static.k8s.io`,
      'Ignore',
      'https://gate/validate',
    ]),
  )
})

t.test('the AdmissionConfiguration names the files', t => {
  const built = buildAdmissionConfiguration({ staticManifestsDirectory: '/etc/static', kubeconfigFile: '/etc/kube' })
  t.equal(
    fileText(built),
    `{
  "apiVersion": "apiserver.config.k8s.io/v1",
  "kind": "AdmissionConfiguration",
  "plugins": [
    {
      "name": "ValidatingAdmissionWebhook",
      "configuration": {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "WebhookAdmissionConfiguration",
        "kubeConfigFile": "/etc/kube",
        "staticManifestsDir": "/etc/static"
      }
    }
  ]
}
`,
  )
  const [plugin] = buildAdmissionConfiguration({}).plugins as { configuration: object }[]
  t.strictSame(Object.keys(plugin?.configuration ?? {}), ['apiVersion', 'kind'])
  t.end()
})

t.test('the kubeconfig of the API server is for this gate only', t => {
  const identity = { clientCertificateFile: '/c', clientKeyFile: '/k' }
  const hosts = {
    'a Service': [{ service: { namespace: 'ns', name: 'gate', port: 443 } }, 'gate.ns.svc'],
    'a Service at another port': [{ service: { namespace: 'ns', name: 'gate', port: 8443 } }, 'gate.ns.svc:8443'],
    'a URL': [{ url: 'https://gate.example:443' }, 'gate.example'],
    'a URL with a port': [{ url: 'https://127.0.0.1:9443' }, '127.0.0.1:9443'],
  } as const
  for (const [name, [target, host]] of Object.entries(hosts)) {
    t.strictSame(
      buildAdmissionKubeconfig(target, identity),
      {
        apiVersion: 'v1',
        kind: 'Config',
        users: [{ name: host, user: { 'client-certificate': '/c', 'client-key': '/k' } }],
      },
      name,
    )
  }
  t.end()
})
