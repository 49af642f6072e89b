import { GateError } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient, Collection } from '../../src/io/cluster/cluster-client.js'
import type { Logger } from '../../src/io/log.js'
import { isJsonObject, type JsonObject, stringifyJson, stringMembers } from '../../src/json.js'
import { type LiveAnswer, objectKey } from '../../src/live-objects.js'
import { type LiveQuery, type LiveReference, MAX_QUERY_OBJECTS } from '../../src/live-query.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { readApplication } from './application.js'
import { type LiveObject, READER_DEFAULTS, readObjects } from './reader.js'
import { createServedKinds, type ServedKinds } from './served-kinds.js'

export interface LiveAnswersOptions {
  /** Where Argo CD keeps Applications whose name comes without a namespace. */
  readonly applicationsNamespace: string
  readonly maxAnswerBytes?: number
  readonly clock: Clock
  readonly log: Logger
}

/** Answers what is live in this cluster. */
export type LiveAnswers = (query: LiveQuery, signal: AbortSignal) => Promise<LiveAnswer>

/** Argo CD's own names for the cluster that it runs in. */
const OWN_CLUSTER: readonly string[] = ['https://kubernetes.default.svc', 'in-cluster']
const MAX_ANSWER_BYTES = 32 * 1024 * 1024
const NAMESPACES: Collection = { group: '', version: 'v1', resource: 'namespaces' }
const NO_PRUNE = /(?:^|,)\s*Prune=false\s*(?:,|$)/

/** One object that is to be read, or the answer where nothing has to be. */
type Place = { readonly collection: Collection; readonly name: string } | { readonly answer: null | 'withheld' }

/**
 * Reads what a gate asks for through the cluster client. Secrets are never read: they are answered as withheld, and so is what
 * the API server does not let the controller read, and what is beyond the size of an answer.
 *
 * The returned function rejects with a ClusterError when the API server cannot be asked, and with CONTROLLER_REFUSED for an
 * Application that deploys to another cluster.
 */
export function createLiveAnswers(client: ClusterClient, options: LiveAnswersOptions): LiveAnswers {
  const { applicationsNamespace, maxAnswerBytes = MAX_ANSWER_BYTES, clock, log } = options
  const kinds = createServedKinds(client, clock)
  return async (query, signal) => {
    const { destinationNamespace } = query
    const state = await readApplication(client, query.application, applicationsNamespace, signal)
    if (state === null) {
      log.warn('there is no such Application: what it would prune is not known', {
        namespace: applicationsNamespace,
        name: query.application,
      })
    } else if (state.destination !== '' && !OWN_CLUSTER.includes(state.destination)) {
      throw new GateError(
        'CONTROLLER_REFUSED',
        'the Application deploys to another cluster than the one of this controller',
      )
    }
    const rendered = await placesOf(kinds, query.objects, destinationNamespace)
    const kept = new Set(query.objects.map((each, i) => identityOf(each, rendered[i], destinationNamespace)))
    const candidates = (state?.resources ?? []).slice(0, MAX_QUERY_OBJECTS)
    const candidatePlaces = await placesOf(kinds, candidates, destinationNamespace)
    const gone = candidates
      .map((each, i) => ({ reference: each, place: candidatePlaces[i] ?? { answer: null } }))
      .filter(({ reference, place }) => !kept.has(identityOf(reference, place, destinationNamespace)))

    const namespaces = namespacesOf(query, rendered)
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
      query.objects.map(({ group, kind, namespace, name }, i) => [
        objectKey(group, kind, namespace, name),
        bounded(read[i] ?? null),
      ]),
    )
    const pruned = gone.flatMap(({ reference }, i) => {
      const object = bounded(read[rendered.length + i] ?? null)
      if (object === null) return []
      // Argo CD says that it is there; that it goes is worth judging even where it cannot be read.
      if (object === 'withheld') return [nameOnly(reference)]
      return isPrunable(object) ? [object] : []
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

function namespacesOf({ destinationNamespace, objects }: LiveQuery, places: readonly Place[]): readonly string[] {
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

function isPrunable(object: JsonObject): boolean {
  const metadata = isJsonObject(object.metadata) ? object.metadata : {}
  const { 'argocd.argoproj.io/sync-options': options = '' } = stringMembers(metadata.annotations)
  return !NO_PRUNE.test(options)
}
