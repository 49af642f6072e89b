import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ApiClient } from './api.js'
import { ApiConnection } from './api-connection.js'
import { ApiDiscovery } from './api-discovery.js'
import { type ApiServerOptions, prepareApiServer } from './api-server.js'
import { type AuditEvent, readAuditLog } from './audit.js'
import { startAuditReceiver } from './audit-receiver.js'
import { createCertificateAuthority } from './certificates.js'
import { startControllerManager } from './controller-manager.js'
import { startEtcd } from './etcd.js'
import { type KubectlResult, runKubectl } from './kubectl.js'
import { createNamespace, type NamespaceOptions } from './namespaces.js'
import type { Process } from './processes.js'
import { awaitDefaultServiceAccount, requestToken } from './service-accounts.js'
import type { Testbed } from './testbed.js'
import { ADMIN, ALICE, BOB, kubeconfigText, type User } from './users.js'

/** How the control plane differs from the usual one. */
export interface ControlPlaneOptions extends Omit<ApiServerOptions, 'auditWebhookUrl'> {
  /** Whether kube-controller-manager runs. Without it nothing follows from an object, and the role `edit` is empty. */
  readonly controllers?: boolean
  /** Controllers besides the usual ones: `horizontal-pod-autoscaler-controller`. */
  readonly moreControllers?: readonly string[]
  /** Users with a token besides ADMIN, ALICE and BOB. */
  readonly users?: readonly User[]
  /** Sends the audit events to a receiver of the bed as well (true), or to a webhook at this URL. */
  readonly auditWebhook?: boolean | string
}

/** The processes that run now; another `apiServer` after a restart. */
export interface ControlPlaneProcesses {
  readonly etcd: Process
  readonly apiServer: Process
  readonly controllerManager: Process | null
}

/** A real API server with its controllers, and ways to talk to it. */
export interface ControlPlane {
  readonly url: string
  /** PEM */
  readonly ca: string
  /** A client that may do everything. */
  readonly admin: ApiClient
  readonly processes: ControlPlaneProcesses
  client(user: User): ApiClient
  /** The path of a kubeconfig for this user. */
  kubeconfig(user: User): Promise<string>
  /** Runs kubectl, as ADMIN when not said. A refusal is a result, not an error. */
  kubectl(args: readonly string[], options?: { as?: User; input?: string }): Promise<KubectlResult>
  /** Anybody at any time, authenticated by a client certificate: a node, a scheduler. */
  certificateUser(name: string, groups?: readonly string[]): User
  /** A token of a service account that is there, by TokenRequest; it holds for a day. */
  serviceAccountToken(namespace: string, name: string): Promise<string>
  /** A service account as a user. */
  serviceAccount(namespace: string, name: string): Promise<User>
  /** Makes a namespace and waits until Pods can be created in it. */
  createNamespace(name: string, options?: NamespaceOptions): Promise<void>
  /** The audit log until now. */
  audit(): Promise<AuditEvent[]>
  /** What the audit webhook received; throws when it was not asked for. */
  receivedAudit(): readonly AuditEvent[]
  /** Ends the API server; what else runs notices. */
  stopApiServer(): Promise<void>
  /** Starts it again on the same address and data. */
  startApiServer(): Promise<void>
}

/** Starts etcd, kube-apiserver and kube-controller-manager with empty data. Ready means that Pods can be created. */
export async function startControlPlane(bed: Testbed, options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const authority = createCertificateAuthority()
  const receiver = options.auditWebhook === true ? await startAuditReceiver(bed) : null
  const etcd = await startEtcd(bed)
  const users = [ADMIN, ALICE, BOB, ...(options.users ?? [])]
  const auditWebhookUrl = receiver?.url ?? (typeof options.auditWebhook === 'string' ? options.auditWebhook : undefined)
  const server = await prepareApiServer(
    bed,
    { etcdUrl: etcd.url, authority, users },
    { ...options, ...(auditWebhookUrl !== undefined && { auditWebhookUrl }) },
  )
  let apiServer = await server.start()

  const connections = new Map<User, ApiConnection>()
  const closeConnections = () => {
    for (const connection of connections.values()) connection.close()
  }
  const connection = (user: User) => {
    const known = connections.get(user) ?? new ApiConnection(server, user)
    connections.set(user, known)
    return known
  }
  bed.onClose('connections to the API server', closeConnections)
  const discovery = new ApiDiscovery(connection(ADMIN))
  const client = (user: User) => new ApiClient(connection(user), discovery)
  const admin = client(ADMIN)

  const withControllers = options.controllers ?? true
  const controllerManager = withControllers
    ? await startControllerManager(bed, server, authority, options.moreControllers)
    : null
  await awaitDefaultServiceAccount(admin, 'default', withControllers)
  if (withControllers) await awaitAggregatedRole(admin)

  const directory = join(bed.directory, 'users')
  await mkdir(directory)
  const kubeconfig = async (user: User) => {
    const file = join(directory, `${user.name.replaceAll(/[^\w.-]/g, '-')}.kubeconfig`)
    await writeFile(file, kubeconfigText(user, server), { mode: 0o600 })
    return file
  }
  return {
    url: server.url,
    ca: server.ca,
    admin,
    get processes() {
      return { etcd: etcd.process, apiServer, controllerManager }
    },
    client,
    kubeconfig,
    kubectl: async (args, { as = ADMIN, input = '' } = {}) =>
      runKubectl(args, { kubeconfig: await kubeconfig(as), directory, input }),
    certificateUser: (name, groups = []) => ({
      name,
      groups,
      certificate: authority.issue({ commonName: name, organizations: groups }),
    }),
    serviceAccount: async (namespace, name) => ({
      name: `system:serviceaccount:${namespace}:${name}`,
      token: await requestToken(admin, namespace, name),
    }),
    serviceAccountToken: (namespace, name) => requestToken(admin, namespace, name),
    createNamespace: (name, namespace = {}) => createNamespace(admin, name, { ...namespace, withControllers }),
    audit: () => readAuditLog(server.auditLog),
    receivedAudit: () => {
      if (receiver === null) throw new Error('this control plane was started without an audit receiver')
      return receiver.events()
    },
    stopApiServer: async () => {
      closeConnections()
      await apiServer.stop()
    },
    startApiServer: async () => {
      apiServer = await server.start()
    },
  }
}

/** Until a controller fills them from others, the roles `edit` and `view` allow nothing. */
async function awaitAggregatedRole(admin: ApiClient): Promise<void> {
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'edit' }
  await admin.waitUntil(role, 'the role edit has rules', ({ rules }) => Array.isArray(rules) && rules.length > 0)
}
