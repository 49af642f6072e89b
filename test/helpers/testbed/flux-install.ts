import type { Manifest } from './api-objects.js'
import type { ControlPlane } from './control-plane.js'
import { createDefinitions, namespace, shippedManifests } from './install.js'
import { together } from './together.js'

/** Where Flux and its objects live. */
export const FLUX_NAMESPACE = 'flux-system'

/** The parts of Flux in the test bed; their service accounts have the same names. */
export type FluxController = 'source-controller' | 'kustomize-controller'

const SOURCES = ['buckets', 'externalartifacts', 'gitrepositories', 'helmcharts', 'helmrepositories', 'ocirepositories']

/** Creates the custom resources of both controllers, and their accounts; each may do everything. */
export async function installFlux({ admin }: ControlPlane): Promise<void> {
  const sources = SOURCES.map(name => `config/crd/bases/source.toolkit.fluxcd.io_${name}.yaml`)
  await admin.apply(namespace(FLUX_NAMESPACE))
  await together([
    createDefinitions(admin, shippedManifests('source-controller', sources)),
    createDefinitions(
      admin,
      shippedManifests('kustomize-controller', ['config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml']),
    ),
    ...[...account('source-controller'), ...account('kustomize-controller')].map(each => admin.apply(each)),
  ])
}

function account(name: FluxController): readonly Manifest[] {
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: FLUX_NAMESPACE } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `flux-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name, namespace: FLUX_NAMESPACE }],
    },
  ]
}
