import { GateError } from '../../src/errors.js'
import type { GenerateConfiguration } from './configuration.js'
import type { JudgeParts } from './judge.js'

/** What judging asks of the world outside of the process, made from the mounted configuration. */
export type OutsideParts = Pick<JudgeParts, 'live' | 'annotations' | 'judged'>

/**
 * Makes the parts that the configuration names.
 *
 * @throws GateError CONFIG_INVALID for what it names and this version does not have
 */
export function createOutsideParts({ controller, keys }: GenerateConfiguration): OutsideParts {
  const named = [controller && 'controller', keys && 'keys'].filter(each => each !== undefined)
  if (named.length > 0) {
    throw new GateError(
      'CONFIG_INVALID',
      `this version of lockkeeper cannot use ${named.join(' and ')} of its configuration`,
    )
  }
  return {
    live: () => Promise.resolve('unknown'),
    annotations: () => ({}),
    judged: () => Promise.resolve(),
  }
}
