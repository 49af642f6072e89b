import { GateError } from '../../src/errors.js'
import { detectTool } from '../../src/io/render/detect.js'
import { renderSource } from '../../src/io/render/render.js'
import { loadConfiguration } from './configuration.js'
import { generate, type GenerateParts } from './generate.js'
import { startJudge } from './judge-worker.js'
import type { DoorEnvironment } from './main.js'
import { startScorer } from './scorer.js'

/** How `lockkeeper generate serve` is run. */
export interface ServeOptions {
  readonly socket: string
  readonly config?: string
  readonly version: string
  /** Told what happens, a line each. */
  readonly log: (line: string) => void
}

/** Asks for a call after some time. */
const startTimer: GenerateParts['startTimer'] = (milliseconds, call) => {
  const timer = setTimeout(call, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}

/**
 * Answers renders on a Unix socket until the signal: `lockkeeper generate serve`.
 *
 * @throws GateError CONFIG_INVALID without a work directory, or what is wrong with the bundle or the socket
 */
export async function serve(options: ServeOptions, environment: DoorEnvironment): Promise<void> {
  const { signal, env } = environment
  const configuration = await loadConfiguration(options.config)
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
