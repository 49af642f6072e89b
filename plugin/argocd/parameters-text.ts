import { GateError } from '../../src/errors.js'
import { problemsText, type Problem } from '../../src/fields.js'
import { detectTool } from '../../src/io/render/detect.js'
import { renderSource } from '../../src/io/render/render.js'
import { announcementsFor } from './announce.js'
import { loadConfiguration } from './configuration.js'
import { readApplicationEnvironment } from './environment.js'
import type { DoorEnvironment } from './main.js'
import { readParameters, renderSourceOf } from './parameters.js'
import { findPlace, workDirectoryOf } from './place.js'

/**
 * The announcements for the working directory, as JSON: `lockkeeper generate parameters`.
 *
 * @throws GateError
 */
export async function parametersText(config: string | undefined, environment: DoorEnvironment): Promise<string> {
  const { env, directory, signal } = environment
  const configuration = await loadConfiguration(config)
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
