import type { Risk } from '../../src/decision-types.js'
import type { JsonObject } from '../../src/json.js'
import { apiObjects } from './api-objects.js'
import { samples } from './samples.js'

/** A manifest whose judgement is predicted. */
export interface Item {
  readonly name: string
  readonly object: JsonObject
  readonly risk?: Risk | null
}

const SEED = 20
/** Requests under way at a time. */
const IN_FLIGHT = 8

/** No webhook is asked about webhooks. */
export const WEBHOOK_GROUP = 'admissionregistration.k8s.io/'

/** Samples of versions that the API server serves no more. */
export function isOfRemovedVersion(kind: string): boolean {
  return /^(?:[^.]*|.*\.k8s\.io)\/v\d+(?:alpha|beta)\d+\//.test(kind)
}

/** `<apiVersion>/<kind>` */
export function kindOf({ apiVersion, kind }: JsonObject): string {
  return `${apiVersion as string}/${kind as string}`
}

/** The manifests of every sample of every policy. */
export const sampleItems: readonly Item[] = samples().flatMap(({ path, manifests, risk }) =>
  manifests.map(({ object, source: { document } }) => ({ name: `${path}#${document}`, object, risk })),
)

/** So many objects of all kinds, always the same. */
export function generatedItems(count: number): readonly Item[] {
  return apiObjects(SEED, count).map(object => ({ name: `${kindOf(object)} of seed ${SEED}`, object }))
}

/** Does the work on all items, some at a time. */
export async function forAll<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T, index)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return results
}
