import picocolors from 'picocolors'
import type { Paint } from '../report/paint.js'
import type { CliEnvironment, Output } from './environment.js'

/**
 * Colours for one output: what the user asked for on the command line, then NO_COLOR and FORCE_COLOR, then whether it is
 * a terminal that can show them.
 *
 * @see https://no-color.org: any value that is not empty counts
 */
export function paintFor(output: Output, color: boolean | undefined, { env }: Pick<CliEnvironment, 'env'>): Paint {
  return picocolors.createColors(color ?? isColored(output, env))
}

function isColored(output: Output, env: CliEnvironment['env']): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '')
    return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return output.isTTY === true && env.TERM !== 'dumb'
}
