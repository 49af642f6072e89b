import { isJsonObject, type JsonObject, stringifyJson } from '../../../json.js'
import { type LiveAnswer, objectKey } from '../../../live-objects.js'
import { type LiveReference, MAX_QUERY_OBJECTS } from '../../../live-query.js'
import { namespaceInfo } from '../../../policy/bundle.js'
import type { Clock } from '../clock.js'
import type { ClusterClient, Collection } from '../cluster-client.js'
import { type LiveObject, READER_DEFAULTS, readObjects } from './reader.js'
import { createServedKinds, type ServedKinds } from './served-kinds.js'

/** What is asked of the cluster before something is applied to it. */
export interface LiveQuestion {
  /** What is rendered. */
  readonly objects: readonly LiveReference[]
  /** What was applied before; of that, what is rendered no more would be pruned. */
  readonly applied: readonly LiveReference[]
  /** Where objects of namespaced kinds go that name no namespace. */
  readonly destinationNamespace: string
  /** Whether whoever applies would delete it. */
  isPrunable(object: JsonObject): boolean
}

export interface LiveReadingOptions {
  readonly maxAnswerBytes?: number
  readonly clock: Clock
}

const MAX_ANSWER_BYTES = 32 * 1024 * 1024
const NAMESPACES: Collection = { group: '', version: 'v1', resource: 'namespaces' }

/** One object that is to be read, or the answer where nothing has to be. */
type Place = { readonly collection: Collection; readonly name: string } | { readonly answer: null | 'withheld' }

/**
 * Reads live objects. Secrets are never read: they are answered as withheld, and so is what the API server does not let us read,
 * and what is beyond the size of an answer.
 *
 * The returned function rejects with a ClusterError when the API server cannot be asked.
 */
export function createLiveReading(
  client: ClusterClient,
  { maxAnswerBytes = MAX_ANSWER_BYTES, clock }: LiveReadingOptions,
): (question: LiveQuestion, signal: AbortSignal) => Promise<LiveAnswer> {
  const kinds = createServedKinds(client, clock)
  return async (question, signal) => {
    const { destinationNamespace } = question
    const rendered = await placesOf(kinds, question.objects, destinationNamespace)
    const kept = new Set(question.objects.map((each, i) => identityOf(each, rendered[i], destinationNamespace)))
    const candidates = question.applied.slice(0, MAX_QUERY_OBJECTS)
    const candidatePlaces = await placesOf(kinds, candidates, destinationNamespace)
    const gone = candidates
      .map((each, i) => ({ reference: each, place: candidatePlaces[i] ?? { answer: null } }))
      .filter(({ reference, place }) => !kept.has(identityOf(reference, place, destinationNamespace)))

    const namespaces = namespacesOf(question, rendered)
    const read = await readPlaces(
      client,
      [
        ...rendered,
        ...gone.map(({ place }) => place),
        ...namespaces.map((name): Place => ({ collection: NAMESPACES, name })),
      ],
      signal,
    )
    let bytes = 0
    const bounded = (object: LiveObject): LiveObject => {
      if (!isJsonObject(object)) return object
      bytes += Buffer.byteLength(stringifyJson(object))
      return bytes > maxAnswerBytes ? 'withheld' : object
    }
    const objects = new Map(
      question.objects.map(({ group, kind, namespace, name }, i) => [
        objectKey(group, kind, namespace, name),
        bounded(read[i] ?? null),
      ]),
    )
    const pruned = gone.flatMap(({ reference }, i) => {
      const object = bounded(read[rendered.length + i] ?? null)
      if (object === null) return []
      // Who applied it says that it is there; that it goes is worth judging even where it cannot be read.
      if (object === 'withheld') return [nameOnly(reference)]
      return question.isPrunable(object) ? [object] : []
    })
    const labelled = namespaces.flatMap((name, i): [string, ReturnType<typeof namespaceInfo>][] => {
      const object = read[rendered.length + gone.length + i] ?? null
      return isJsonObject(object) ? [[name, namespaceInfo(object.metadata)]] : []
    })
    return { objects, pruned, namespaces: new Map(labelled) }
  }
}

async function placesOf(
  kinds: ServedKinds,
  references: readonly LiveReference[],
  destinationNamespace: string,
): Promise<readonly Place[]> {
  const places: Place[] = []
  for (const { group, version, kind, namespace, name } of references) {
    if (group === '' && kind === 'Secret') {
      places.push({ answer: 'withheld' })
      continue
    }
    const served = await kinds.of(group, version, kind)
    if (typeof served === 'string') {
      places.push({ answer: served === 'absent' ? null : 'withheld' })
      continue
    }
    const { resource, namespaced } = served
    const within = namespace === undefined || namespace === '' ? destinationNamespace : namespace
    if (namespaced && within === '') places.push({ answer: 'withheld' })
    else places.push({ collection: { group, version, resource, ...(namespaced && { namespace: within }) }, name })
  }
  return places
}

/** The same for two ways to name an object: a version or a namespace more or less. */
function identityOf(
  { group, kind, namespace, name }: LiveReference,
  place: Place | undefined,
  destinationNamespace: string,
): string {
  const within = place !== undefined && 'collection' in place ? (place.collection.namespace ?? '') : (namespace ?? '')
  const isUnplaced = place === undefined || 'answer' in place
  return objectKey(group, kind, isUnplaced && within === '' ? destinationNamespace : within, name)
}

/** Reads each place once, by collection; the answers are in the order of the places. */
async function readPlaces(
  client: ClusterClient,
  places: readonly Place[],
  signal: AbortSignal,
): Promise<readonly LiveObject[]> {
  const wanted = new Map<string, { readonly collection: Collection; readonly names: Set<string> }>()
  for (const place of places) {
    if ('answer' in place) continue
    const key = collectionKey(place.collection)
    const known = wanted.get(key) ?? { collection: place.collection, names: new Set<string>() }
    known.names.add(place.name)
    wanted.set(key, known)
  }
  const read = await readObjects(client, [...wanted.values()], { ...READER_DEFAULTS, signal })
  const byKey = new Map([...wanted.keys()].map((key, i) => [key, read[i]]))
  return places.map(place =>
    'answer' in place ? place.answer : (byKey.get(collectionKey(place.collection))?.get(place.name) ?? null),
  )
}

function collectionKey({ group, version, resource, namespace = '' }: Collection): string {
  return [group, version, resource, namespace].join('/')
}

function namespacesOf({ destinationNamespace, objects }: LiveQuestion, places: readonly Place[]): readonly string[] {
  const names = new Set([destinationNamespace])
  for (const place of places) if ('collection' in place) names.add(place.collection.namespace ?? '')
  for (const { namespace } of objects) names.add(namespace ?? '')
  return [...names].filter(name => name !== '')
}

function nameOnly({ group, version, kind, namespace, name }: LiveReference): JsonObject {
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
  }
}
