import type { ApiClient } from './api.js'
import { type Manifest, member } from './api-objects.js'

const DAY_SECONDS = 86_400

/**
 * A token of a service account that is there, by TokenRequest; it holds for a day.
 *
 * @param audiences empty: for the API server
 */
export async function requestToken(
  admin: ApiClient,
  namespace: string,
  name: string,
  audiences: readonly string[] = [],
): Promise<string> {
  const answer = await admin.create(
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: DAY_SECONDS, ...(audiences.length > 0 && { audiences }) },
    },
    { of: { apiVersion: 'v1', kind: 'ServiceAccount', name, namespace }, subresource: 'token' },
  )
  const token = member(answer, 'status', 'token')
  if (typeof token !== 'string') throw new Error(`no token came for the service account ${namespace}/${name}`)
  return token
}

/**
 * Sees to it that a namespace has the service account that Pods use when they name none.
 *
 * @param withControllers whether a controller makes it
 */
export async function awaitDefaultServiceAccount(
  admin: ApiClient,
  namespace: string,
  withControllers: boolean,
): Promise<void> {
  const account: Manifest = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } }
  if (withControllers) await admin.waitUntil(account, `namespace ${namespace} has its service account`, () => true)
  else await admin.apply(account)
}
