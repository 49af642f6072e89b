import type { Occurrence } from './occurrences.js'
import { triedMembers } from './occurrences.js'
import type { ServedTypes, Shape } from './openapi.js'
import type { Json, JsonObject } from '../../../src/json.js'

/** One thing to try on a type: an object with this member alone. */
export interface Probe {
  readonly member: string
  readonly value: Json
  /** Is the zero value, or the default, the same as none? What depends on another value? */
  readonly asks: 'zero' | 'default' | 'other'
}

/** What is tried on a type besides the empty object: every member with its zero value and with others. */
export function probesOf(served: ServedTypes, occurrence: Occurrence): Probe[] {
  return triedMembers(served, occurrence).flatMap(([member, shape]) => [
    ...zeroValues(shape).map(value => ({ member, value, asks: 'zero' as const })),
    ...otherValues(shape).map(value => ({ member, value, asks: 'other' as const })),
  ])
}

/** An object with the member of the probe alone; the empty object without a probe. */
export function probeObject(probe: Probe | undefined): JsonObject {
  return probe === undefined ? {} : { [probe.member]: probe.value }
}

/** A value of a resource list that is not a whole number of thousandths. */
export const FINE_QUANTITY = '1u'

function zeroValues(shape: Shape): Json[] {
  if (shape.form === 'list') return [[]]
  if (shape.form === 'map' || shape.form === 'struct') return [{}]
  switch (shape.scalar) {
    case 'boolean':
      return [false]
    case 'integer':
    case 'number':
    case 'IntOrString':
      return [0]
    case 'Quantity':
      return ['0']
    case 'string':
    case 'Bytes':
      return ['']
    case 'Time':
    case 'MicroTime':
    case 'Raw':
      return []
  }
}

function otherValues(shape: Shape): Json[] {
  if (shape.form === 'list') return otherValues(shape.of).map(value => [value])
  if (shape.form === 'map') return otherValues(shape.of).map(value => ({ k: value }))
  if (shape.form === 'struct') return [{}]
  switch (shape.scalar) {
    case 'boolean':
      return [true]
    case 'integer':
    case 'number':
      return [7]
    case 'IntOrString':
      return [7, '7%', 'seven']
    case 'Quantity':
      return ['7', FINE_QUANTITY]
    case 'string':
      return shape.values.length > 0 ? [...shape.values] : ['sample']
    case 'Bytes':
      return ['c2FtcGxl']
    case 'Time':
      return ['2026-01-01T00:00:00Z']
    case 'MicroTime':
      return ['2026-01-01T00:00:00.000000Z']
    case 'Raw':
      return [{ sample: 1 }]
  }
}
