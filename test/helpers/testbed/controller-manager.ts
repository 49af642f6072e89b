import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ApiConnection } from './api-connection.js'
import { GO_MEMORY, type ApiServer } from './api-server.js'
import type { CertificateAuthority } from './certificates.js'
import { freePort } from './ports.js'
import { startProcess, type Process } from './processes.js'
import { program } from './programs.js'
import type { Testbed } from './testbed.js'
import { ANONYMOUS, kubeconfigText } from './users.js'

/** All that need no cloud, no metrics and no heartbeat of nodes. */
const CONTROLLERS = [
  'certificatesigningrequest-cleaner-controller',
  'clusterrole-aggregation-controller',
  'cronjob-controller',
  'daemonset-controller',
  'deployment-controller',
  'disruption-controller',
  'endpoints-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-protection-controller',
  'persistentvolumeclaim-protection-controller',
  'pod-garbage-collector-controller',
  'replicaset-controller',
  'replicationcontroller-controller',
  'resourcequota-controller',
  'root-ca-certificate-publisher-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'statefulset-controller',
  'ttl-after-finished-controller',
  'validatingadmissionpolicy-status-controller',
]

/**
 * Starts the cluster's controllers, each with the service account it has in a real cluster.
 *
 * @param more controllers besides the usual ones
 */
export async function startControllerManager(
  bed: Testbed,
  server: ApiServer,
  authority: CertificateAuthority,
  more: readonly string[] = [],
): Promise<Process> {
  const directory = join(bed.directory, 'kube-controller-manager')
  await mkdir(directory)
  const write = async (name: string, text: string) => {
    const file = join(directory, name)
    await writeFile(file, text, { mode: 0o600 })
    return file
  }
  const commonName = 'system:kube-controller-manager'
  const certificate = authority.issue({ commonName, hosts: ['127.0.0.1'] })
  const kubeconfig = await write('kubeconfig', kubeconfigText({ name: commonName, certificate }, server))
  const port = await freePort()
  const probe = new ApiConnection({ url: `https://127.0.0.1:${port}`, ca: authority.certificate }, ANONYMOUS)
  try {
    return await startProcess(bed, {
      name: 'kube-controller-manager',
      command: program('kube-controller-manager'),
      args: [
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--use-service-account-credentials=true',
        `--service-account-private-key-file=${server.signingKeyFile}`,
        `--root-ca-file=${await write('ca.crt', authority.certificate)}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${port}`,
        `--cert-dir=${directory}`,
        `--tls-cert-file=${await write('serving.crt', certificate.cert)}`,
        `--tls-private-key-file=${await write('serving.key', certificate.key)}`,
        `--controllers=${[...CONTROLLERS, ...more].join(',')}`,
        // The limits are made for large clusters and would be what the tests wait for.
        '--kube-api-qps=500',
        '--kube-api-burst=1000',
      ],
      env: GO_MEMORY,
      ready: async () => (await probe.request('GET', '/healthz', { timeoutMs: 2000 })).text === 'ok',
    })
  } finally {
    probe.close()
  }
}
