import type { ApiClient } from './api.js'
import { awaitDefaultServiceAccount } from './service-accounts.js'
import type { User } from './users.js'

/** What a namespace gets when it is made. */
export interface NamespaceOptions {
  readonly labels?: Readonly<Record<string, string>>
  /** Users with the role `edit` in it. */
  readonly editors?: readonly User[]
}

/** Makes a namespace and waits until Pods can be created in it. */
export async function createNamespace(
  admin: ApiClient,
  name: string,
  options: NamespaceOptions & { withControllers: boolean },
): Promise<void> {
  const { labels = {}, editors = [], withControllers } = options
  await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  if (editors.length > 0) {
    await admin.create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'editors', namespace: name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: editors.map(user => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user.name })),
    })
  }
  await awaitDefaultServiceAccount(admin, name, withControllers)
}
