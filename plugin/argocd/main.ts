import { fileURLToPath } from 'node:url'
import { GateError } from '../../src/errors.js'
import { problemsText, type Problem } from '../../src/fields.js'
import { detectTool } from '../../src/io/render/detect.js'
import { renderSource } from '../../src/io/render/render.js'
import { announcementsFor } from './announce.js'
import { DEFAULT_CONFIGURATION, loadConfiguration, type GenerateConfiguration } from './configuration.js'
import { readApplicationEnvironment } from './environment.js'
import { failure, generate, type GenerateParts } from './generate.js'
import type { Answer } from './judge-messages.js'
import { startJudge } from './judge-worker.js'
import { expectOneRender } from './one-render.js'
import { readParameters, renderSourceOf } from './parameters.js'
import { findPlace, workDirectoryOf } from './place.js'
import { pluginManifest } from './plugin-manifest.js'
import { startScorer } from './scorer.js'

/** What the door has of its process. */
export interface DoorEnvironment {
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: Date
  readonly signal: AbortSignal
}

/** Asks for a call after some time. */
const startTimer: GenerateParts['startTimer'] = (milliseconds, call) => {
  const timer = setTimeout(call, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}

async function configurationOf(path: string | undefined): Promise<GenerateConfiguration> {
  return path === undefined ? DEFAULT_CONFIGURATION : loadConfiguration(path)
}

/** Renders and judges the working directory: `lockkeeper generate`. */
export async function runGenerate(config: string | undefined, environment: DoorEnvironment): Promise<Answer> {
  expectOneRender()
  let configuration: GenerateConfiguration
  try {
    configuration = await configurationOf(config)
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    return failure(error)
  }
  // At once: the bundle is loaded while the source is rendered.
  const judge = startJudge(configuration)
  try {
    return await generate(environment, {
      configuration,
      render: renderSource,
      detect: detectTool,
      judge,
      toolEnv: environment.env,
      isBound: false,
      startTimer,
    })
  } finally {
    judge.close()
  }
}

/**
 * The announcements for the working directory, as JSON: `lockkeeper generate parameters`.
 *
 * @throws GateError
 */
export async function parametersText(config: string | undefined, environment: DoorEnvironment): Promise<string> {
  const { env, directory, signal } = environment
  const configuration = await configurationOf(config)
  const problems: Problem[] = []
  const application = readApplicationEnvironment(env, problems)
  const parameters = readParameters(application.parameters, problems)
  const place = await findPlace(directory, {
    workDirectory: configuration.workDirectory ?? workDirectoryOf(env),
    sourcePath: application.sourcePath,
    isBound: false,
  })
  const { renderers: commands, kustomizeBuildOptions, binaries, limits } = configuration
  const defaults = { commands, kustomizeBuildOptions }
  const source = renderSourceOf(parameters, application, await detectTool(place.directory), defaults, problems)
  if (problems.length > 0) {
    throw new GateError('CONFIG_INVALID', `the Application's plugin settings have mistakes:\n${problemsText(problems)}`)
  }
  if (source.tool === 'command') return '[]\n'
  const { buildEnvironment } = application
  const options = { binaries, env, buildEnvironment, timeoutMs: limits.timeoutMs, signal }
  const announced = await announcementsFor(place.directory, source.tool, () => renderSource(source, place, options))
  return `${JSON.stringify(announced)}\n`
}

/** The text of plugin.yaml: `lockkeeper generate plugin`; with a socket, its command is the client of the scorer. */
export function pluginText(version: string, options: { readonly socket?: string; readonly config?: string }): string {
  const { socket, config } = options
  const own = ['lockkeeper', 'generate', ...(config === undefined ? [] : ['--config', config])]
  const client = fileURLToPath(new URL('./client.js', import.meta.url))
  return pluginManifest(version, {
    generate: socket === undefined ? own : ['node', client, socket],
    parameters: ['lockkeeper', 'generate', 'parameters', ...own.slice(2)],
  })
}

/** How `lockkeeper generate serve` is run. */
export interface ServeOptions {
  readonly socket: string
  readonly config?: string
  readonly version: string
  /** Told what happens, a line each. */
  readonly log: (line: string) => void
}

/**
 * Answers renders on a Unix socket until the signal: `lockkeeper generate serve`.
 *
 * @throws GateError CONFIG_INVALID without a work directory, or what is wrong with the bundle or the socket
 */
export async function serve(options: ServeOptions, environment: DoorEnvironment): Promise<void> {
  const { signal, env } = environment
  const configuration = await configurationOf(options.config)
  const { workDirectory } = configuration
  if (workDirectory === undefined) {
    throw new GateError('CONFIG_INVALID', 'the configuration must name the workDirectory: nothing else is rendered')
  }
  const scorer = await startScorer({
    ...options,
    configuration: { ...configuration, workDirectory },
    signal,
    startJudge,
    generate: (request, judge) =>
      generate(request, {
        configuration,
        render: renderSource,
        detect: detectTool,
        judge,
        toolEnv: env,
        isBound: true,
        startTimer,
      }),
  })
  await scorer.closed
}
