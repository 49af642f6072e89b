import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from './api-objects.js'

/** A plug-in of the API server with its own configuration: `PodSecurity` with a PodSecurityConfiguration. */
export interface AdmissionPlugin {
  readonly name: string
  readonly configuration: object
}

/** What the API server is told about admission before it starts. */
export interface AdmissionFiles {
  /**
   * Webhook configurations from files: active before the first request, unknown to the API and out of its reach. Names
   * end in `.static.k8s.io`, a `clientConfig` has a `url`.
   */
  readonly staticWebhooks?: readonly Manifest[]
  readonly admissionPlugins?: readonly AdmissionPlugin[]
}

const STATIC_PLUGINS: Readonly<Record<string, string>> = {
  MutatingWebhookConfiguration: 'MutatingAdmissionWebhook',
  ValidatingWebhookConfiguration: 'ValidatingAdmissionWebhook',
}

/**
 * Writes the files below `directory`.
 *
 * @returns the file for `--admission-control-config-file`
 * @throws Error for a static manifest that is no webhook configuration
 */
export async function writeAdmissionFiles(directory: string, files: AdmissionFiles): Promise<string> {
  const plugins: AdmissionPlugin[] = [...(files.admissionPlugins ?? [])]
  for (const [kind, name] of Object.entries(STATIC_PLUGINS)) {
    const manifests = (files.staticWebhooks ?? []).filter(manifest => manifest.kind === kind)
    if (manifests.length > 0)
      plugins.push({ name, configuration: await staticWebhooks(join(directory, name), manifests) })
  }
  for (const { kind } of files.staticWebhooks ?? []) {
    if (!Object.hasOwn(STATIC_PLUGINS, kind)) throw new Error(`a ${kind} cannot be a static webhook`)
  }
  const file = join(directory, 'admission.json')
  await mkdir(directory, { recursive: true })
  const configuration = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }
  await writeFile(file, JSON.stringify(configuration))
  return file
}

async function staticWebhooks(directory: string, manifests: readonly Manifest[]): Promise<object> {
  await mkdir(directory, { recursive: true })
  for (const [index, manifest] of manifests.entries()) {
    await writeFile(join(directory, `${index}.json`), JSON.stringify(manifest))
  }
  const version = 'apiserver.config.k8s.io/v1'
  return { apiVersion: version, kind: 'WebhookAdmissionConfiguration', staticManifestsDir: directory }
}
