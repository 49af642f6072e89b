import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError, thrownText } from '../../errors.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import { type ClusterConnection, type Credentials, keptCredentials } from './credentials.js'
import { connectByKubeconfig } from './kubeconfig.js'

/** Where the API server of the Pod's own cluster is: KUBERNETES_SERVICE_HOST and _PORT. */
export interface InCluster {
  readonly host: string
  readonly port: number
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
/**
 * The connection that was asked for: a kubeconfig where one is named, else the service account of the Pod.
 *
 * @throws GateError CONFIG_INVALID when there is neither, or the kubeconfig is of no use; FILE_UNREADABLE
 */
export async function openConnection(options: {
  readonly kubeconfig?: string
  /** Of the kubeconfig; the current one when not said. */
  readonly context?: string
  readonly inCluster: InCluster | null
}): Promise<ClusterConnection> {
  const { kubeconfig, context } = options
  if (kubeconfig !== undefined) return connectByKubeconfig(kubeconfig, context === undefined ? {} : { context })
  if (options.inCluster !== null) return connectInCluster(options.inCluster)
  throw new GateError(
    'CONFIG_INVALID',
    'no cluster to talk to: this is not a Pod (KUBERNETES_SERVICE_HOST is not set); name a kubeconfig with --kubeconfig',
  )
}

/**
 * The service account of the Pod.
 *
 * It does without @kubernetes/client-node: importing that costs 540 ms and 84 MB, its calls make a TLS handshake each,
 * and it parses numbers into doubles (measured with 1.4.0 on Node 20).
 */
export function connectInCluster(
  { host, port }: InCluster,
  directory = SERVICE_ACCOUNT,
  clock: Clock = SYSTEM_CLOCK,
): ClusterConnection {
  const read = async (name: string): Promise<string> => {
    const file = join(directory, name)
    try {
      return await readFile(file, 'utf8')
    } catch (cause) {
      throw new GateError(
        'FILE_UNREADABLE',
        `${file}: ${thrownText(cause)}; is automountServiceAccountToken off, or is this no Pod?`,
        { cause },
      )
    }
  }
  const load = async (): Promise<Credentials> => {
    const [ca, token] = await Promise.all([read('ca.crt'), read('token')])
    return { ca, headers: { authorization: `Bearer ${token.trim()}` } }
  }
  return { host, port, basePath: '', credentials: keptCredentials(load, clock) }
}
