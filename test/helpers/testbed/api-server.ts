import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AdmissionFiles, writeAdmissionFiles } from './admission-files.js'
import { ApiConnection, type Server } from './api-connection.js'
import { AUDIT_POLICY } from './audit.js'
import { type CertificateAuthority, createTokenSigningKey } from './certificates.js'
import { freePort } from './ports.js'
import { startProcess, type Process } from './processes.js'
import { program } from './programs.js'
import type { Testbed } from './testbed.js'
import { ANONYMOUS, tokenFile, type User } from './users.js'

/** How the API server differs from the usual one. */
export interface ApiServerOptions extends AdmissionFiles {
  /** An audit.k8s.io/v1 Policy in place of AUDIT_POLICY. */
  readonly auditPolicy?: object
  /** Where audit events go besides the log. */
  readonly auditWebhookUrl?: string
  readonly featureGates?: Readonly<Record<string, boolean>>
  /** Further arguments of kube-apiserver; the last of two counts. */
  readonly extraArgs?: readonly string[]
}

/** How to start an API server, as often as needed on the same address and data. */
export interface ApiServer extends Server {
  readonly auditLog: string
  readonly signingKeyFile: string
  start(): Promise<Process>
}

/** Keeps a program to what it needs: Go's collector works harder only above the limit. A lower GOGC costs a second at start. */
export const GO_MEMORY = { GOGC: '100', GOMEMLIMIT: '400MiB' }

/** Writes the files an API server needs and builds its command line. */
export async function prepareApiServer(
  bed: Testbed,
  parts: { etcdUrl: string; authority: CertificateAuthority; users: readonly User[] },
  options: ApiServerOptions,
): Promise<ApiServer> {
  const directory = join(bed.directory, 'kube-apiserver')
  await mkdir(directory)
  const port = await freePort()
  const write = async (name: string, text: string) => {
    const file = join(directory, name)
    await writeFile(file, text, { mode: 0o600 })
    return file
  }
  const hosts = ['127.0.0.1', 'localhost', 'kubernetes.default.svc']
  const serving = parts.authority.issue({ commonName: 'kube-apiserver', hosts })
  const caFile = await write('ca.crt', parts.authority.certificate)
  const signingKeyFile = await write('service-accounts.key', createTokenSigningKey())
  const auditLog = join(directory, 'audit.log')
  const args = [
    `--etcd-servers=${parts.etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // On loopback the server cannot say to others where it is, and there is nobody to tell.
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--cert-dir=${directory}`,
    `--tls-cert-file=${await write('serving.crt', serving.cert)}`,
    `--tls-private-key-file=${await write('serving.key', serving.key)}`,
    `--client-ca-file=${caFile}`,
    `--token-auth-file=${await write('tokens.csv', tokenFile(parts.users))}`,
    '--authorization-mode=Node,RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${signingKeyFile}`,
    `--service-account-signing-key-file=${signingKeyFile}`,
    '--allow-privileged',
    '--profiling=false',
    // When not said, a stopping server waits for its watchers, who do not leave.
    '--shutdown-watch-termination-grace-period=1s',
    `--audit-policy-file=${await write('audit-policy.json', JSON.stringify(options.auditPolicy ?? AUDIT_POLICY))}`,
    `--audit-log-path=${auditLog}`,
    // In MiB; a second file would hide the events of the first.
    '--audit-log-maxsize=4096',
    ...(await auditWebhookArgs(options.auditWebhookUrl, write)),
    '--enable-admission-plugins=NodeRestriction',
    `--admission-control-config-file=${await writeAdmissionFiles(join(directory, 'admission'), options)}`,
    ...featureGateArgs(options.featureGates),
    ...(options.extraArgs ?? []),
  ]
  const server = { url: `https://127.0.0.1:${port}`, ca: parts.authority.certificate }
  const start = async () => {
    const probe = new ApiConnection(server, ANONYMOUS)
    try {
      return await startProcess(bed, {
        name: 'kube-apiserver',
        command: program('kube-apiserver'),
        args,
        env: GO_MEMORY,
        ready: async () => (await probe.request('GET', '/readyz', { timeoutMs: 2000 })).text === 'ok',
      })
    } finally {
      probe.close()
    }
  }
  return { ...server, auditLog, signingKeyFile, start }
}

async function auditWebhookArgs(
  url: string | undefined,
  write: (name: string, text: string) => Promise<string>,
): Promise<string[]> {
  if (url === undefined) return []
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'receiver', cluster: { server: url } }],
    contexts: [{ name: 'receiver', context: { cluster: 'receiver', user: '' } }],
    'current-context': 'receiver',
  }
  return [
    `--audit-webhook-config-file=${await write('audit-webhook.json', JSON.stringify(config))}`,
    // Half a minute when not said.
    '--audit-webhook-batch-max-wait=100ms',
  ]
}

function featureGateArgs(gates: Readonly<Record<string, boolean>> = {}): string[] {
  return Object.entries(gates).map(([gate, on]) => `--feature-gates=${gate}=${on}`)
}
