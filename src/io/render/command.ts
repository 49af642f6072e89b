import { GateError } from '../../errors.js'
import { findProgram } from './find-tool.js'
import type { Rendering } from './rendering.js'
import type { CommandSource } from './source.js'
import { outputOf } from './tool-process.js'

/** Renders a directory by a program of the configuration's choice, which prints manifests; there is no shell in between. */
export async function renderCommand({ command }: CommandSource, rendering: Rendering): Promise<Uint8Array> {
  const { place, options } = rendering
  const [name = '', ...args] = command
  const env = { ...options.env, ...options.buildEnvironment }
  // A path in the configuration never means a program of the repository.
  const binary = /[/\\]/.test(name) && !name.startsWith('/') ? null : await findProgram(name, options.env.PATH)
  if (name === '' || binary === null) {
    const message = `${rendering.shown(place.directory)}: the command ${JSON.stringify(name)} cannot be run: name it by its absolute path, or put it into a directory of PATH`
    throw new GateError('RENDER_TOOL_MISSING', message)
  }
  return outputOf(await rendering.run({ tool: name, binary, args, cwd: place.directory, env }))
}
