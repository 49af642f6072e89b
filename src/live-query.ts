import { GateError } from './errors.js'
import { emptyObject, isJsonObject, type Json, type JsonObject, parseJson, stringifyJson } from './json.js'
import type { LiveAnswer } from './live-objects.js'
import { namespaceInfo } from './policy/bundle.js'

/** An object that a gate has rendered, by what the API server knows it by. */
export interface LiveReference {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Absent where the render left it out: then the destination's, if the kind has namespaces. */
  readonly namespace?: string
  readonly name: string
}

/** What a gate before the sync asks the controller. */
export interface LiveQuery {
  readonly application: string
  readonly project: string
  readonly destinationNamespace: string
  readonly objects: readonly LiveReference[]
}

/** More than Argo CD applies in one sync. */
export const MAX_QUERY_OBJECTS = 10_000
/** The longest name that the API server takes has 253 characters. */
const MAX_TEXT_LENGTH = 512
/** As deep as the API server keeps custom resources. */
const MAX_DEPTH = 3000

/** Reads a query; what is none gives the reason, with its path and without its values. */
export function parseLiveQuery(text: string): LiveQuery | string {
  let value: Json
  try {
    value = parseJson(text)
  } catch (thrown) {
    return `the query is not JSON (${thrown instanceof GateError ? thrown.code : 'INTERNAL'})`
  }
  if (!isJsonObject(value)) return 'the query is not an object'
  const { application, project, destinationNamespace, objects } = value
  if (!isText(application) || application === '') return 'application: must be a text'
  if (!isText(project)) return 'project: must be a text'
  if (!isText(destinationNamespace)) return 'destinationNamespace: must be a text'
  if (!Array.isArray(objects)) return 'objects: must be an array'
  if (objects.length > MAX_QUERY_OBJECTS) return `objects: may have ${MAX_QUERY_OBJECTS} elements at most`
  const references: LiveReference[] = []
  for (const [index, each] of objects.entries()) {
    const reference = referenceIn(each)
    if (reference === null) return `objects[${index}]: must have the texts group, version, kind and name`
    references.push(reference)
  }
  return { application, project, destinationNamespace, objects: references }
}

function referenceIn(value: Json): LiveReference | null {
  if (!isJsonObject(value)) return null
  const { group, version, kind, namespace, name } = value
  if (!isText(group) || !isText(version) || !isText(kind) || !isText(name)) return null
  if (version === '' || kind === '' || name === '') return null
  if (namespace === undefined) return { group, version, kind, name }
  return isText(namespace) ? { group, version, kind, namespace, name } : null
}

/** A slash or a step upwards would make another path of the API of it. */
function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH && !/[/\s]|^\.\.?$/.test(value)
}

/** The answer as JSON text; numbers keep their own text. */
export function liveAnswerText({ objects, pruned, namespaces }: LiveAnswer): string {
  const answer: JsonObject = Object.assign(emptyObject(), {
    objects: objectOf(objects),
    pruned: [...pruned],
    namespaces: objectOf(
      new Map([...namespaces].map(([name, { labels, annotations }]) => [name, { labels, annotations }])),
    ),
  })
  return stringifyJson(answer)
}

/** Keys may be anything, `__proto__` too. */
function objectOf(entries: ReadonlyMap<string, Json>): JsonObject {
  const object = emptyObject()
  for (const [key, value] of entries) object[key] = value
  return object
}

/** Reads an answer. @throws GateError CONTROLLER_REFUSED when it is none */
export function parseLiveAnswer(text: string): LiveAnswer {
  let value: Json = null
  try {
    value = parseJson(text, { maxDepth: MAX_DEPTH })
  } catch (thrown) {
    // Its message may quote an object.
    if (!(thrown instanceof GateError)) throw thrown
  }
  const { objects, pruned, namespaces } = isJsonObject(value) ? value : emptyObject()
  const isAnswer =
    isJsonObject(objects) &&
    Object.values(objects).every(each => each === null || each === 'withheld' || isJsonObject(each)) &&
    Array.isArray(pruned) &&
    pruned.every(isJsonObject) &&
    isJsonObject(namespaces)
  if (!isAnswer) throw new GateError('CONTROLLER_REFUSED', 'the controller gave an answer that cannot be read')
  return {
    objects: new Map(Object.entries(objects) as [string, JsonObject | null | 'withheld'][]),
    pruned,
    namespaces: new Map(Object.entries(namespaces).map(([name, each]) => [name, namespaceInfo(each)])),
  }
}
