import { GateError } from '../../errors.js'

/**
 * A Kubernetes version without what providers put behind its numbers, which helm may not read: `v1.33.4-gke.12` is `1.33.4`.
 *
 * @throws GateError RENDER_FAILED when it is none
 */
export function normalizeKubeVersion(version: string): string {
  const numbers = /^\s*v?(\d+(?:\.\d+)+)/.exec(version)?.[1]?.split('.')
  if (numbers === undefined || /^0\d/.test(numbers[0] ?? '')) {
    throw new GateError('RENDER_FAILED', `${JSON.stringify(version)} is not a version of Kubernetes, such as "1.33.4"`)
  }
  return numbers.map(number => number.replace(/^0+(?=\d)/, '')).join('.')
}
