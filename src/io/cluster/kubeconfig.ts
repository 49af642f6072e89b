import { readFile } from 'node:fs/promises'
import { resolve, dirname } from 'node:path'
import { GateError, thrownText } from '../../errors.js'
import { isJsonObject, type Json } from '../../json.js'
import { readYaml } from '../../yaml/yaml.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import { type ClusterConnection, type Credentials, keptCredentials } from './credentials.js'

/**
 * A context of a kubeconfig, the current one where none is named, with client certificates, tokens, exec plugins and what else
 * client-node knows.
 *
 * @throws GateError CONFIG_INVALID
 */
export async function connectByKubeconfig(
  file: string,
  { context, clock = SYSTEM_CLOCK }: { readonly context?: string; readonly clock?: Clock } = {},
): Promise<ClusterConnection> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const invalid = (problem: string, cause?: unknown) =>
    new GateError('CONFIG_INVALID', `kubeconfig ${file}: ${problem}`, { cause })
  const load = async () => {
    const config = new KubeConfig()
    try {
      config.loadFromFile(file)
      if (context !== undefined) config.setCurrentContext(context)
      return { config, tokenFile: tokenFileIn(await readFile(file, 'utf8'), config.getCurrentUser()?.name) }
    } catch (cause) {
      // A fault of YAML quotes the lines around it, and those have tokens.
      const code = (cause as NodeJS.ErrnoException | null)?.code
      throw invalid(code?.startsWith('E') === true ? thrownText(cause) : 'it is not a kubeconfig')
    }
  }
  const { config, tokenFile } = await load()
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (cluster === null || user === null)
    throw invalid(`its ${context === undefined ? 'current-context' : `context "${context}"`} names no cluster and user`)
  if (cluster.proxyUrl !== undefined) throw invalid('proxy-url is not supported')
  const url = URL.canParse(cluster.server) ? new URL(cluster.server) : null
  if (url?.protocol !== 'https:') throw invalid(`the server of cluster "${cluster.name}" has to be an https:// URL`)

  const readToken = async (): Promise<Record<string, string>> => {
    if (tokenFile === null) return {}
    try {
      return { authorization: `Bearer ${(await readFile(resolve(dirname(file), tokenFile), 'utf8')).trim()}` }
    } catch (cause) {
      throw invalid(`the token file of user "${user.name}": ${thrownText(cause)}`, cause)
    }
  }
  const read = async (renew: boolean): Promise<Credentials> => {
    const source = renew ? (await load()).config : config
    const applied: AppliedOptions = { headers: {} }
    try {
      await source.applyToHTTPSOptions(applied as Parameters<typeof source.applyToHTTPSOptions>[0])
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
      headers: { ...basic, ...lowerCase(headers), ...(await readToken()) },
    }
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port === '' ? 443 : url.port),
    basePath: url.pathname.replace(/\/+$/, ''),
    credentials: keptCredentials(read, clock),
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

/** client-node 1.4.0 does not know `tokenFile`, which counts more than `token` for kubectl. */
function tokenFileIn(text: string, userName: string | undefined): string | null {
  const { value } = readYaml(text, 1, { maxDepth: 100, maxExpandedNodes: 10_000, maxExpandedCharacters: 1_000_000 })
  const users: Json = isJsonObject(value) ? (value.users ?? []) : []
  const entry = (Array.isArray(users) ? users : []).filter(isJsonObject).find(({ name }) => name === userName)
  const file = isJsonObject(entry?.user) ? entry.user.tokenFile : undefined
  return typeof file === 'string' && file !== '' ? file : null
}

/** Two names that differ in their case only would be one header, sent twice. */
function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
