import { stringifyJson, type JsonObject } from '../../src/json.js'
import { buildEntries, clientConfig, type ConfigurationOptions, type WebhookTarget } from './configuration.js'

export interface StaticFormOptions {
  /** `https://host[:port]`: a file cannot name a Service. */
  readonly url: string
  /** PEM: the API server reads the file at its start, so an authority that stays. */
  readonly authorities: string
  /** What happens to a change of a webhook configuration while no gate answers. */
  readonly failurePolicy: 'Fail' | 'Ignore'
  /** Also everything that the configuration in the cluster asks for; then there is no need for that one. */
  readonly everything?: Omit<ConfigurationOptions, 'name' | 'authorities' | 'target' | 'failurePolicy'>
}

/** What an API server shows to webhooks, to say who it is. */
export interface ApiServerIdentity {
  /** Paths on the machine of the API server. */
  readonly clientCertificateFile: string
  readonly clientKeyFile: string
}

/** The API server takes no other names from files. */
const DOMAIN = 'lockkeeper.static.k8s.io'

/** All that decides what is asked of whom; no webhook that is registered by the API sees these. */
const GUARDED = [
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
]

/**
 * The ValidatingWebhookConfiguration for a file of the API server (Kubernetes 1.37): it is out of the API's reach, and it guards
 * the objects that decide what is judged.
 */
export function buildStaticConfiguration(options: StaticFormOptions): JsonObject {
  const { url, authorities, failurePolicy, everything } = options
  const target: WebhookTarget = { url }
  const guard: JsonObject = {
    name: `admission-control.${DOMAIN}`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy,
    matchPolicy: 'Equivalent',
    timeoutSeconds: 5,
    clientConfig: clientConfig(target, authorities),
    rules: [
      {
        apiGroups: ['admissionregistration.k8s.io'],
        apiVersions: ['*'],
        operations: ['CREATE', 'UPDATE', 'DELETE'],
        resources: [...GUARDED],
        scope: 'Cluster',
      },
    ],
  }
  const others =
    everything === undefined ? [] : buildEntries({ ...everything, authorities, target, failurePolicy }, DOMAIN)
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: DOMAIN },
    webhooks: [guard, ...others],
  }
}

/** The AdmissionConfiguration for `--admission-control-config-file`: where the files are, and who the API server is to webhooks. */
export function buildAdmissionConfiguration(options: {
  readonly staticManifestsDirectory?: string
  readonly kubeconfigFile?: string
}): JsonObject {
  const { staticManifestsDirectory, kubeconfigFile } = options
  return {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'ValidatingAdmissionWebhook',
        configuration: {
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'WebhookAdmissionConfiguration',
          ...(kubeconfigFile !== undefined && { kubeConfigFile: kubeconfigFile }),
          ...(staticManifestsDirectory !== undefined && { staticManifestsDir: staticManifestsDirectory }),
        },
      },
    ],
  }
}

/**
 * The kubeconfig with which an API server shows its certificate to this gate and to nobody else.
 *
 * @see Kubernetes documentation, "Authenticate apiservers": a user is named after the host, with the port where it is not 443
 */
export function buildAdmissionKubeconfig(target: WebhookTarget, identity: ApiServerIdentity): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    users: [
      {
        name: hostOf(target),
        user: {
          'client-certificate': identity.clientCertificateFile,
          'client-key': identity.clientKeyFile,
        },
      },
    ],
  }
}

function hostOf(target: WebhookTarget): string {
  if ('url' in target) return new URL(target.url).host
  const { namespace, name, port } = target.service
  return `${name}.${namespace}.svc${port === 443 ? '' : `:${port}`}`
}

/** The text of such a file: JSON, which is YAML too. */
export function fileText(content: JsonObject): string {
  return `${stringifyJson(content, 2)}\n`
}
