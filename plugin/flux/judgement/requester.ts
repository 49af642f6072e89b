import type { UserInfo } from '../../../src/admission.js'
import { DEFAULT_CONFIG, type Config } from '../../../src/config.js'
import type { KustomizationSpec } from '../kustomization/spec.js'

const CONTROLLER = { namespace: 'flux-system', name: 'kustomize-controller' } as const

/**
 * Who applies a Kustomization: the service account that it names, in its own namespace; else whom the bundle's configuration
 * predicts, and where that says nothing of its own, kustomize-controller.
 */
export function requesterOf(
  { namespace, serviceAccountName }: Pick<KustomizationSpec, 'namespace' | 'serviceAccountName'>,
  { userInfo }: Config['prediction'],
): UserInfo {
  if (serviceAccountName !== '') return account({ namespace, name: serviceAccountName })
  // The default is the deployer of the other gate.
  return userInfo.username === DEFAULT_CONFIG.prediction.userInfo.username ? account(CONTROLLER) : userInfo
}

function account({ namespace, name }: { readonly namespace: string; readonly name: string }): UserInfo {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  }
}
