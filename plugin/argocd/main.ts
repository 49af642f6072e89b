import { fileURLToPath } from 'node:url'
import type { Answer } from './judge-messages.js'
import { superviseRender } from './render-supervisor.js'
import type { ServeOptions } from './serve.js'

// What each command needs it loads itself: `lockkeeper generate` is started for each render.

/** What the door has of its process. */
export interface DoorEnvironment {
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: Date
  readonly signal: AbortSignal
}

/** Renders and judges the working directory: `lockkeeper generate`. */
export function runGenerate(config: string | undefined, environment: DoorEnvironment): Promise<Answer> {
  return superviseRender({ config, ...environment })
}

/**
 * The announcements for the working directory, as JSON: `lockkeeper generate parameters`.
 *
 * @throws GateError
 */
export async function parametersText(config: string | undefined, environment: DoorEnvironment): Promise<string> {
  return (await import('./parameters-text.js')).parametersText(config, environment)
}

/** The text of plugin.yaml: `lockkeeper generate plugin`; with a socket, its command is the client of the scorer. */
export async function pluginText(
  version: string,
  options: { readonly socket?: string; readonly config?: string },
): Promise<string> {
  const { socket, config } = options
  const own = ['lockkeeper', 'generate', ...(config === undefined ? [] : ['--config', config])]
  const client = fileURLToPath(new URL('./client.cjs', import.meta.url))
  const { pluginManifest } = await import('./plugin-manifest.js')
  return pluginManifest(version, {
    generate: socket === undefined ? own : ['node', client, socket],
    parameters: ['lockkeeper', 'generate', 'parameters', ...own.slice(2)],
  })
}

/**
 * Answers renders on a Unix socket until the signal: `lockkeeper generate serve`.
 *
 * @throws GateError CONFIG_INVALID without a work directory, or what is wrong with the bundle or the socket
 */
export async function serve(options: ServeOptions, environment: DoorEnvironment): Promise<void> {
  await (await import('./serve.js')).serve(options, environment)
}
