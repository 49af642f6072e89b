import t, { type Test } from 'tap'
import { canonicalJson, canonicalObject } from '../../src/canonical.js'
import { DEFAULTS } from '../../src/canonical/defaults.js'
import { identityOf } from '../../src/decision.js'
import { isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from '../../src/json.js'
import { buildRequest } from '../../src/request.js'
import { API_OBJECT_KINDS, apiObjects } from '../helpers/api-objects.js'
import { CANONICAL_EXCEPTIONS, unknownFieldsOf } from '../helpers/canonical-exceptions.js'
import { corpusDirectory, corpusObjects, withValidNames } from '../helpers/corpus.js'
import { differences } from '../helpers/difference.js'
import { ApiError } from '../helpers/testbed/api-error.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

// The laws of the canonical form, held against a real API server: what it fills in does not change the form.

const SEED = 7
const GENERATED = 2000
/** Requests under way at a time. */
const IN_FLIGHT = 6

const bed = createTestbed(t)
const plane = await startControlPlane(bed, { controllers: false })

const paths = new Map<string, Promise<string | null>>()

/** The path to create an object at; null for a kind that is not served. */
async function pathOf({ apiVersion, kind }: JsonObject): Promise<string | null> {
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return null
  const key = `${apiVersion}/${kind}`
  const known =
    paths.get(key) ?? plane.admin.collectionPath({ apiVersion, kind, namespace: 'default' }).catch(() => null)
  paths.set(key, known)
  return known
}

interface Summary {
  compared: number
  equal: number
  unserved: number
  readonly excepted: Map<string, number>
  readonly refused: string[]
  readonly wrong: string[]
}

/** Sends every object as a dry-run create and compares its canonical form with the one of the answer. */
async function compare(objects: readonly JsonObject[]): Promise<Summary> {
  const summary: Summary = { compared: 0, equal: 0, unserved: 0, excepted: new Map(), refused: [], wrong: [] }
  let next = 0
  const worker = async () => {
    for (let object = objects[next++]; object !== undefined; object = objects[next++]) await compareOne(object, summary)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return summary
}

async function compareOne(given: JsonObject, summary: Summary): Promise<void> {
  const path = await pathOf(given)
  if (path === null) {
    summary.unserved += 1
    return
  }
  const namespace = path.includes('/namespaces/') ? { namespace: 'default' } : {}
  const { namespace: _, ...metadata } = isJsonObject(given.metadata) ? given.metadata : {}
  const object = { ...given, metadata: { ...metadata, ...namespace } }
  const name = `${textOf(given.kind)} ${textOf(metadata.name)}`
  const { status, headers, body, text } = await plane.admin.request('POST', path, {
    body: stringifyJson(object),
    query: { dryRun: 'All' },
  })
  if (status !== 201) {
    summary.refused.push(`${name}: ${new ApiError(`POST ${path}`, { status, body, text }).message}`)
    return
  }
  const defaulted = parseJson(text) as JsonObject
  summary.compared += 1
  const before = canonicalObject(object)
  const after = canonicalObject(defaulted)
  for (const form of [before, after]) {
    if (canonicalJson(canonicalObject(form)) !== canonicalJson(form)) summary.wrong.push(`${name}: not stable`)
  }
  const found = differences(before, after)
  if (found.length === 0) {
    summary.equal += 1
    if (subjectOf(object) !== subjectOf(defaulted)) summary.wrong.push(`${name}: another subject`)
    return
  }
  const unknownFields = unknownFieldsOf(headers.warning)
  const titles = new Set<string>()
  for (const difference of found) {
    const exception = CANONICAL_EXCEPTIONS.find(({ explains }) => explains(difference, object, unknownFields))
    if (exception !== undefined) titles.add(exception.title)
    else
      summary.wrong.push(`${name}: ${difference.path}: ${textOf(difference.left)} became ${textOf(difference.right)}`)
  }
  for (const title of titles) summary.excepted.set(title, (summary.excepted.get(title) ?? 0) + 1)
}

function subjectOf(object: JsonObject): string {
  const userInfo = { username: 'alice', groups: [] }
  return identityOf(buildRequest({ object, base: null, userInfo, namespace: 'default' })).subject
}

function textOf(value: Json | undefined): string {
  return value === undefined ? 'nothing' : canonicalJson(value).slice(0, 200)
}

function print(t: Test, { compared, equal, unserved, excepted, refused }: Summary): void {
  t.comment(`${compared} compared, ${equal} equal, ${refused.length} refused, ${unserved} of kinds that are not served`)
  for (const { title, because } of CANONICAL_EXCEPTIONS) t.comment(`${excepted.get(title) ?? 0}: ${title} (${because})`)
  const reasons = new Map<string, number>()
  for (const each of refused) {
    const reason = each
      .replace(/^"(\w+)" .*?: /, '$1: ')
      .replaceAll(/"[^"]*"/g, '…')
      .slice(0, 160)
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 20))
    t.comment(`refused: ${count} ${reason}`)
}

t.test('an object has the same form before and after the API server filled it in', async t => {
  const summary = await compare(apiObjects(SEED, GENERATED))
  print(t, summary)
  t.strictSame(summary.wrong, [])
  t.strictSame(summary.refused, [], 'the API server accepts what is generated')
  t.equal(summary.unserved, 0)
  t.equal(summary.compared, GENERATED)
  t.ok(summary.equal >= 0.8 * GENERATED, `${summary.equal} without an exception`)
})

t.test('a seed gives the same objects again', t => {
  const text = (seed: number, count: number) => JSON.stringify(apiObjects(seed, count).slice(0, 100))
  t.ok(text(SEED, 200) === text(SEED, 100), 'more of them add to the end')
  t.ok(text(SEED + 1, 200) !== text(SEED, 200), 'another seed gives others')
  t.end()
})

t.test('objects of every kind in the table are generated, but for those that only the cluster itself makes', t => {
  const custom = Object.entries(DEFAULTS.kinds).filter(([, type]) => DEFAULTS.types[type]?.custom === true)
  const missing = Object.keys(DEFAULTS.kinds).filter(
    kind => !API_OBJECT_KINDS.includes(kind) && !custom.some(([each]) => each === kind),
  )
  t.strictSame(missing, ['certificates.k8s.io/v1/PodCertificateRequest'])
  t.end()
})

const directory = corpusDirectory()
t.test('so has a published object', { skip: directory === null && 'LOCKKEEPER_CORPUS names none' }, async t => {
  const published = directory === null ? [] : [...corpusObjects(directory)]
  const summary = await compare(published.map(({ manifest }) => withValidNames(manifest)))
  print(t, summary)
  t.strictSame(summary.wrong, [])
  t.ok(summary.compared >= 1000, `${summary.compared} compared`)
})

t.test('what the table says the server owns cannot be chosen', async t => {
  const lie = '2001-01-01T00:00:00Z'
  const cases: Record<string, { object: JsonObject; lies: JsonObject }> = {
    metadata: {
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } },
      lies: {
        metadata: {
          uid: 'chosen',
          generation: 7,
          selfLink: '/chosen',
          creationTimestamp: lie,
          deletionTimestamp: lie,
          deletionGracePeriodSeconds: 7,
        },
      },
    },
    'the requester of a certificate': {
      object: apiObjects(SEED, GENERATED).find(({ kind }) => kind === 'CertificateSigningRequest') ?? {},
      lies: { spec: { username: 'chosen', uid: 'chosen', groups: ['chosen'], extra: { chosen: ['chosen'] } } },
    },
  }
  for (const [name, { object, lies }] of Object.entries(cases)) {
    const lying = merged(object, lies)
    const path = (await pathOf(object)) ?? ''
    const answer = await plane.admin.request('POST', path, { body: stringifyJson(lying), query: { dryRun: 'All' } })
    t.equal(answer.status, 201, name)
    t.notMatch(answer.text, /chosen|2001-01-01/, name)
    t.equal(canonicalJson(canonicalObject(lying)), canonicalJson(canonicalObject(object)), name)
  }
})

function merged(object: JsonObject, more: JsonObject): JsonObject {
  const result = { ...object }
  for (const [key, value] of Object.entries(more)) {
    const known = result[key]
    result[key] = isJsonObject(known) && isJsonObject(value) ? merged(known, value) : value
  }
  return result
}
