import { readFile } from 'node:fs/promises'
import type { CliEnvironment } from './environment.js'

type Env = CliEnvironment['env']

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'
const DEFAULT_NAMESPACE = 'lockkeeper-system'
const HTTPS_PORT = 443

/** Where the API server is for a Pod; null: this is none. */
export function inClusterOf(env: Env): { readonly host: string; readonly port: number } | null {
  const host = env.KUBERNETES_SERVICE_HOST
  if (host === undefined || host === '') return null
  const port = Number(env.KUBERNETES_SERVICE_PORT)
  return { host, port: Number.isInteger(port) && port > 0 ? port : HTTPS_PORT }
}

/** The namespace this runs in: POD_NAMESPACE, what the kubelet says of the service account, or the manifests' own. */
export async function ownNamespace(env: Env): Promise<string> {
  if (env.POD_NAMESPACE !== undefined && env.POD_NAMESPACE !== '') return env.POD_NAMESPACE
  if (inClusterOf(env) === null) return DEFAULT_NAMESPACE
  try {
    return (await readFile(NAMESPACE_FILE, 'utf8')).trim()
  } catch {
    return DEFAULT_NAMESPACE
  }
}
