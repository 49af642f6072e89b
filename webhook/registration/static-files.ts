import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError, thrownText } from '../../src/errors.js'
import { readFileBytes } from '../../src/io/files.js'
import {
  buildAdmissionConfiguration,
  buildAdmissionKubeconfig,
  buildStaticConfiguration,
  fileText,
} from './static-form.js'

export interface StaticFilesOptions {
  /** Where the files are written; the same path is written into them, for the API server to find them. */
  readonly directory: string
  /** `https://host[:port]` */
  readonly url: string
  /** PEM file: who signed the gate's certificate. */
  readonly ca: string
  readonly failurePolicy: 'Fail' | 'Ignore'
  /** Paths on the machine of the API server; undefined: it shows no certificate. */
  readonly clientCertificateFile?: string
  readonly clientKeyFile?: string
}

/**
 * Writes what an API server of Kubernetes 1.37 is started with: a registration that nobody can delete by the API.
 *
 * @returns the path for `--admission-control-config-file`
 * @throws GateError FILE_UNREADABLE, FILE_UNWRITABLE
 */
export async function writeStaticFiles(options: StaticFilesOptions): Promise<string> {
  const { directory, url, failurePolicy, clientCertificateFile, clientKeyFile } = options
  const authorities = Buffer.from(await readFileBytes(options.ca)).toString('utf8')
  const manifests = join(directory, 'static')
  const identity =
    clientCertificateFile === undefined || clientKeyFile === undefined ? null : { clientCertificateFile, clientKeyFile }
  const kubeconfig = join(directory, 'webhooks.kubeconfig')
  const files = [
    [join(manifests, 'lockkeeper.json'), buildStaticConfiguration({ url, authorities, failurePolicy })],
    ...(identity === null ? [] : [[kubeconfig, buildAdmissionKubeconfig({ url }, identity)] as const]),
  ] as const
  const entry = join(directory, 'admission.json')
  const admission = buildAdmissionConfiguration({
    staticManifestsDirectory: manifests,
    ...(identity === null ? {} : { kubeconfigFile: kubeconfig }),
  })
  try {
    await mkdir(manifests, { recursive: true })
    for (const [path, content] of [...files, [entry, admission] as const]) await writeFile(path, fileText(content))
  } catch (cause) {
    throw new GateError('FILE_UNWRITABLE', `${directory}: ${thrownText(cause)}`, { cause })
  }
  return entry
}
