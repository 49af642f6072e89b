import type { UserInfo } from '../admission.js'
import type { Provenance } from '../decision-types.js'

/** Programs of the control plane, by the names they authenticate with. */
const SYSTEM_USERS: readonly string[] = ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler']
/** Kubelets, and the control plane's own service accounts. */
const SYSTEM_GROUPS: readonly string[] = ['system:nodes', 'system:serviceaccounts:kube-system']

/**
 * The class of a request as far as its authenticated user tells: field managers, user agents and labels are the
 * requester's own words. `deployer` is the account that GitOps applies with; without a receipt it is not yet approved.
 */
export function actorProvenance({ username, groups = [] }: UserInfo, deployer: string): Provenance {
  if (SYSTEM_USERS.includes(username) || groups.some(each => SYSTEM_GROUPS.includes(each))) {
    return { class: 'system', evidence: ['actor'] }
  }
  return { class: username === deployer ? 'in-band-ungated' : 'out-of-band-unmanaged', evidence: ['actor'] }
}
