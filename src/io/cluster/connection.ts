import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError, thrownText } from '../../errors.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'

/** What a connection to the API server needs besides its address; secret. */
export interface Credentials {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** The name in the certificate, where it is not the host. */
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
  /** Authorization, and whom to impersonate. */
  readonly headers: Readonly<Record<string, string>>
}

/** Where an API server is, and how it is told who calls. */
export interface ClusterConnection {
  readonly host: string
  readonly port: number
  /** What stands before `/api`; '' mostly. */
  readonly basePath: string
  /** Read anew when older than a minute, or when `renew` says that the server refused the last ones. */
  credentials(renew?: boolean): Promise<Credentials>
}

/** Where the API server of the Pod's own cluster is: KUBERNETES_SERVICE_HOST and _PORT. */
export interface InCluster {
  readonly host: string
  readonly port: number
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
/** A projected token is replaced long before it ends (at 80 % of its life), so a minute more is no risk. */
const MAX_AGE_MS = 60_000

/**
 * The connection that was asked for: a kubeconfig where one is named, else the service account of the Pod.
 *
 * @throws GateError CONFIG_INVALID when there is neither, or the kubeconfig is of no use; FILE_UNREADABLE
 */
export async function openConnection(options: {
  readonly kubeconfig?: string
  readonly inCluster: InCluster | null
}): Promise<ClusterConnection> {
  if (options.kubeconfig !== undefined) return connectByKubeconfig(options.kubeconfig)
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
  return { host, port, basePath: '', credentials: kept(load, clock) }
}

/**
 * The current context of a kubeconfig, with client certificates, tokens, exec plugins and what else client-node knows.
 *
 * @throws GateError CONFIG_INVALID
 */
export async function connectByKubeconfig(file: string, clock: Clock = SYSTEM_CLOCK): Promise<ClusterConnection> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const invalid = (problem: string, cause?: unknown) =>
    new GateError('CONFIG_INVALID', `kubeconfig ${file}: ${problem}`, { cause })
  const load = () => {
    const config = new KubeConfig()
    try {
      config.loadFromFile(file)
    } catch (cause) {
      // A fault of YAML quotes the lines around it, and those have tokens.
      const code = (cause as NodeJS.ErrnoException | null)?.code
      throw invalid(code === undefined ? 'it is not a kubeconfig' : thrownText(cause))
    }
    return config
  }
  let config = load()
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (cluster === null || user === null) throw invalid('its current-context names no cluster and user')
  if (cluster.proxyUrl !== undefined) throw invalid('proxy-url is not supported')
  const url = URL.canParse(cluster.server) ? new URL(cluster.server) : null
  if (url?.protocol !== 'https:') throw invalid(`the server of cluster "${cluster.name}" has to be an https:// URL`)

  const read = async (renew: boolean): Promise<Credentials> => {
    // A token file is read when the kubeconfig is.
    if (renew) config = load()
    const applied: AppliedOptions = { headers: {} }
    try {
      await config.applyToHTTPSOptions(applied as Parameters<typeof config.applyToHTTPSOptions>[0])
    } catch (cause) {
      throw invalid(`the credentials of user "${user.name}": ${thrownText(cause)}`, cause)
    }
    const { ca, cert, key, servername, rejectUnauthorized, auth, headers = {} } = applied
    const basic = auth === undefined ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }
    return {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      headers: { ...basic, ...headers },
    }
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port === '' ? 443 : url.port),
    basePath: url.pathname.replace(/\/+$/, ''),
    credentials: kept(read, clock),
  }
}

/** What client-node puts into the options of a request. */
interface AppliedOptions {
  ca?: Buffer
  cert?: string | Buffer
  key?: string | Buffer
  servername?: string
  rejectUnauthorized?: boolean
  auth?: string
  headers?: Record<string, string>
}

/** Loads when there is nothing, when it is old, and when asked to; several who wait share one load. */
function kept(load: (renew: boolean) => Promise<Credentials>, clock: Clock): ClusterConnection['credentials'] {
  let last: { readonly atMs: number; readonly value: Credentials } | null = null
  let loading: Promise<Credentials> | null = null
  const loadOnce = async (renew: boolean) => {
    try {
      const value = await load(renew)
      last = { atMs: clock.monotonicMs(), value }
      return value
    } finally {
      loading = null
    }
  }
  return async (renew = false) => {
    if (!renew && last !== null && clock.monotonicMs() - last.atMs < MAX_AGE_MS) return last.value
    loading ??= loadOnce(renew)
    return loading
  }
}
