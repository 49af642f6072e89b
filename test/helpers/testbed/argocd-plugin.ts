import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { startProcess, type Process } from './processes.js'
import type { Testbed } from './testbed.js'

/** A ConfigManagementPlugin, run as a sidecar of repo-server would. */
export interface ArgoCDPlugin {
  /** The text of plugin.yaml. */
  readonly manifest: string
  /** The environment of the sidecar, which its commands inherit. */
  readonly env?: Readonly<Record<string, string>>
}

/** What an Application's `spec.source.plugin.name` has to say to get this plugin. */
export function pluginName({ manifest }: ArgoCDPlugin): string {
  const { metadata, spec } = load(manifest) as { metadata: { name: string }; spec: { version?: string } }
  return spec.version === undefined ? metadata.name : `${metadata.name}-${spec.version}`
}

/** Starts argocd-cmp-server with a plugin; it is ready when repo-server can find its socket. */
export function startPlugin(
  bed: Testbed,
  plugin: ArgoCDPlugin,
  { command, directory, env }: { command: string; directory: string; env: Readonly<Record<string, string>> },
): Promise<Process> {
  const name = pluginName(plugin)
  const sockets = join(directory, 'sockets')
  const config = join(directory, 'plugins', name)
  const work = join(directory, 'plugin-work', name)
  for (const each of [sockets, config, work]) mkdirSync(each, { recursive: true })
  writeFileSync(join(config, 'plugin.yaml'), plugin.manifest)
  return startProcess(bed, {
    name: `argocd-cmp-server-${name}`,
    command,
    args: ['--config-dir-path', config],
    env: { ...env, ...plugin.env, ARGOCD_PLUGINSOCKFILEPATH: sockets, ARGOCD_CMP_WORKDIR: work },
    ready: () => Promise.resolve(existsSync(join(sockets, `${name}.sock`))),
    // On SIGTERM it removes its socket and keeps running.
    stopSignal: 'SIGKILL',
  })
}
