import { createHmac, timingSafeEqual } from 'node:crypto'
import { canonicalJson } from '../../src/canonical.js'
import { isJsonObject, type Json, type JsonObject } from '../../src/json.js'
import { readEntries } from './entries.js'

/** The annotation that says that a gate of ours wrote the object as it is. */
export const SEAL = 'lockkeeper.dev/registration-seal'

/**
 * The seal of a configuration's webhooks: only who has the gate's key can make it. So a gate of another version, or with other
 * policies, is told from an intruder.
 */
export function sealOf(configuration: JsonObject, key: Uint8Array): string {
  // What an API server fills in that this version does not know is not part of what was sealed.
  const entries = readEntries(configuration).map(entry => ({ ...entry, unknown: [] }))
  return createHmac('sha256', key)
    .update(canonicalJson(entries as unknown as Json))
    .digest('hex')
}

/** Whether the object is as a gate with this key wrote it. */
export function isSealed(configuration: JsonObject, key: Uint8Array): boolean {
  const { metadata } = configuration
  const annotations = isJsonObject(metadata) ? metadata.annotations : null
  const seal = isJsonObject(annotations) ? annotations[SEAL] : null
  const expected = Buffer.from(sealOf(configuration, key), 'utf8')
  const actual = Buffer.from(typeof seal === 'string' ? seal : '', 'utf8')
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
