import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { isJsonObject, type JsonObject, parseJson } from '../../../src/json.js'
import { CLI } from '../repository.js'
import { ARGOCD_NAMESPACE } from './argocd-install.js'
import { createCertificateAuthority } from './certificates.js'
import type { ControlPlane } from './control-plane.js'
import { freePort } from './ports.js'
import { startProcess } from './processes.js'
import { requestToken } from './service-accounts.js'
import type { Testbed } from './testbed.js'
import { ADMIN } from './users.js'

/** The controller that gates ask for live objects, and what they left with it. */
export interface LiveController {
  /** For the mounted configuration of a gate. */
  readonly configuration: { readonly url: string; readonly caFile: string; readonly tokenFile: string }
  records(): readonly JsonObject[]
  /** How many came that were known already, as from another gate. */
  knownRecords(): Promise<number>
}

const ACCOUNT = 'argocd-repo-server'
const NAMESPACE = 'lockkeeper-system'

/** Starts `lockkeeper controller` for gates with the account of repo-server, whose token it makes. Argo CD is installed. */
export async function startLiveController(bed: Testbed, plane: ControlPlane): Promise<LiveController> {
  const own = (name: string) => join(bed.directory, 'live-controller', name)
  mkdirSync(own('records'), { recursive: true })
  await plane.createNamespace(NAMESPACE)
  await plane.admin.apply({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: ACCOUNT, namespace: ARGOCD_NAMESPACE },
  })
  writeFileSync(own('token'), await requestToken(plane.admin, ARGOCD_NAMESPACE, ACCOUNT, ['lockkeeper-controller']))
  const authority = createCertificateAuthority()
  const { cert, key } = authority.issue({ commonName: 'controller', hosts: ['127.0.0.1'] })
  writeFileSync(own('tls.crt'), cert)
  writeFileSync(own('tls.key'), key)
  writeFileSync(own('ca.crt'), authority.certificate)
  const [port, probePort] = [await freePort(), await freePort()]
  await startProcess(bed, {
    name: 'lockkeeper-controller',
    command: process.execPath,
    args: [
      ...[CLI, 'controller', '--kubeconfig', await plane.kubeconfig(ADMIN), '--namespace', NAMESPACE],
      ...['--reports', 'none', '--address', '127.0.0.1', '--probe-port', `${probePort}`],
      ...['--api-tls-cert', own('tls.crt'), '--api-tls-key', own('tls.key'), '--api-port', `${port}`],
      ...['--api-caller', `system:serviceaccount:${ARGOCD_NAMESPACE}:${ACCOUNT}`],
      ...['--records-directory', own('records')],
    ],
    ready: () => isListening(port),
  })
  return {
    configuration: { url: `https://127.0.0.1:${port}`, caFile: own('ca.crt'), tokenFile: own('token') },
    records: () =>
      readdirSync(own('records'))
        .flatMap(file => readFileSync(join(own('records'), file), 'utf8').split('\n'))
        .filter(line => line !== '')
        .map(line => parseJson(line))
        .filter(isJsonObject),
    knownRecords: async () => {
      const text = await (await fetch(`http://127.0.0.1:${probePort}/metrics`)).text()
      return Number(/^lockkeeper_records_received_total\{result="known"\} (\d+)$/m.exec(text)?.[1] ?? 0)
    },
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}
