import type { Manifest } from './api-objects.js'
import type { ControlPlane } from './control-plane.js'
import { createDefinitions, inNamespace, namespace, shippedManifests } from './install.js'
import { together } from './together.js'

/** Where Argo CD and its Applications live. */
export const ARGOCD_NAMESPACE = 'argocd'

/** The account of the application-controller. */
export const ARGOCD_ACCOUNT = 'argocd-application-controller'

const DEFINITIONS = ['manifests/crds/application-crd.yaml', 'manifests/crds/appproject-crd.yaml']

const CONFIG = ['cm', 'cmd-params-cm', 'secret', 'rbac-cm', 'gpg-keys-cm', 'ssh-known-hosts-cm', 'tls-certs-cm'].map(
  name => `manifests/base/config/argocd-${name}.yaml`,
)

const ROLES = ['sa', 'role', 'rolebinding'].map(
  name => `manifests/base/application-controller-roles/argocd-application-controller-${name}.yaml`,
)

const CLUSTER_ROLES = ['clusterrole', 'clusterrolebinding'].map(
  name => `manifests/cluster-rbac/application-controller/argocd-application-controller-${name}.yaml`,
)

/** Argo CD's server would create this project when it starts; the test bed has no server. */
const DEFAULT_PROJECT: Manifest = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'AppProject',
  metadata: { name: 'default', namespace: ARGOCD_NAMESPACE },
  spec: {
    sourceRepos: ['*'],
    destinations: [{ server: '*', namespace: '*' }],
    clusterResourceWhitelist: [{ group: '*', kind: '*' }],
  },
}

/**
 * Applies what Argo CD's own installation has of custom resources, settings and permissions.
 *
 * @param settings goes into argocd-cm, over what is shipped
 */
export async function installArgoCD(
  { admin }: ControlPlane,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await admin.apply(namespace(ARGOCD_NAMESPACE))
  const namespaced = shippedManifests('argocd', [...CONFIG, ...ROLES]).map(each => inNamespace(each, ARGOCD_NAMESPACE))
  await together([
    createDefinitions(admin, shippedManifests('argocd', DEFINITIONS)).then(() => admin.apply(DEFAULT_PROJECT)),
    ...namespaced.map(each => admin.apply(withSettings(each, settings))),
    ...shippedManifests('argocd', CLUSTER_ROLES).map(each => admin.apply(each)),
  ])
}

function withSettings(manifest: Manifest, settings: Readonly<Record<string, string>>): Manifest {
  if (manifest.metadata?.name !== 'argocd-cm') return manifest
  return { ...manifest, data: { ...(manifest.data as Record<string, string>), ...settings } }
}
