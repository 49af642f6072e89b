import type { Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'

/** Labels as teams write them, with the spellings that are easily lost: numbers as text, empty values. */
export const LABELS: JsonObject[] = [
  { app: 'shop' },
  { app: 'shop', tier: 'web' },
  { 'app.kubernetes.io/name': 'shop', 'app.kubernetes.io/part-of': 'market' },
  { version: '1.20', canary: 'true', empty: '' },
]

/** A request and a limit for the same resource, the request never above the limit, each in one of several spellings. */
export const CPU: { request: Json; limit: Json }[] = [
  { request: '100m', limit: '100m' },
  { request: '0.1', limit: '200m' },
  { request: '1000m', limit: '1' },
  { request: 1, limit: '2' },
  { request: '1e-1', limit: '1.5' },
  { request: 0.25, limit: '0.250' },
  { request: '0', limit: '4' },
]
export const MEMORY: { request: Json; limit: Json }[] = [
  { request: '64Mi', limit: '64Mi' },
  { request: '134217728', limit: '128Mi' },
  { request: '1Gi', limit: '1024Mi' },
  { request: '0.5Gi', limit: '1G' },
  { request: '128e6', limit: '128M' },
  { request: 1048576, limit: '1.5Gi' },
]
export const STORAGE: Json[] = ['1Gi', '1024Mi', '10G', '1e9', '0.5Ti', '5368709120']

/** Selectors from empty to full. */
export function labelSelector(draw: Draw): JsonObject {
  return draw.pick<JsonObject>([
    {},
    { matchLabels: {} },
    { matchLabels: { app: 'shop' } },
    { matchExpressions: [{ key: 'tier', operator: 'In', values: ['web', 'api'] }] },
    { matchExpressions: [{ key: 'canary', operator: 'DoesNotExist' }] },
    { matchLabels: { app: 'shop' }, matchExpressions: [{ key: 'tier', operator: 'Exists', values: [] }] },
  ])
}

/** Metadata of an object or a template: never the name. */
export function metadata(draw: Draw): JsonObject {
  return draw.members(
    {},
    {
      labels: [{}, ...LABELS],
      annotations: [{}, { note: 'weekly' }, { 'example.com/owner': 'team-a', 'example.com/empty': '' }],
    },
  )
}

/** Requests and limits of the resources of a container or a Pod. */
export function resources(draw: Draw): JsonObject {
  const cpu = draw.pick(CPU)
  const memory = draw.pick(MEMORY)
  return draw.pick<JsonObject>([
    {},
    { limits: {}, requests: {} },
    { requests: { cpu: cpu.request } },
    { limits: { memory: memory.limit } },
    { requests: { cpu: cpu.request }, limits: { cpu: cpu.limit } },
    { requests: { cpu: cpu.request, memory: memory.request }, limits: { cpu: cpu.limit, memory: memory.limit } },
    { requests: { cpu: cpu.request }, limits: { memory: memory.limit } },
    { requests: { 'ephemeral-storage': '1Gi' }, limits: { 'ephemeral-storage': '2Gi', cpu: cpu.limit } },
  ])
}
