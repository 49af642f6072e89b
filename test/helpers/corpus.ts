import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { isJsonObject, parseJson, type JsonObject } from '../../src/json.js'

/** An object that somebody published. */
export interface CorpusObject {
  readonly source: string
  readonly manifest: JsonObject
  /** The whole line: what else the corpus knows of the object. */
  readonly record: JsonObject
}

const LINES = '.jsonl.gz'

/**
 * The objects of a corpus: every line of the directory's `*.jsonl.gz` files that has a `manifest`, with its `source_repo`.
 * The files are read in the order of their names; those whose first line has no `manifest` hold something else.
 */
export function* corpusObjects(directory: string): Generator<CorpusObject, void> {
  const files = readdirSync(directory).filter(name => name.endsWith(LINES))
  if (files.length === 0) throw new Error(`${directory} has no *${LINES} file`)
  for (const file of files.sort()) {
    const text = gunzipSync(readFileSync(join(directory, file))).toString('utf8')
    for (const line of text.split('\n')) {
      if (line === '') continue
      const record = parseJson(line)
      if (!isJsonObject(record) || !isJsonObject(record.manifest)) break
      const { source_repo: source, manifest } = record
      yield { source: typeof source === 'string' ? source : file, manifest, record }
    }
  }
}

/**
 * The directory of the corpus, named by LOCKKEEPER_CORPUS; null when it names none: the project comes without one.
 */
export function corpusDirectory(): string | null {
  const directory = process.env.LOCKKEEPER_CORPUS
  return directory === undefined || directory === '' ? null : directory
}

/**
 * The same objects in an order in which every beginning is a fair sample: in turn one of each source, and of a source from all over it.
 */
export function mixedBySource(objects: Iterable<CorpusObject>): readonly CorpusObject[] {
  const sources = new Map<string, CorpusObject[]>()
  for (const each of objects) {
    const known = sources.get(each.source)
    if (known === undefined) sources.set(each.source, [each])
    else known.push(each)
  }
  // A step without a common divisor with the length meets each object once.
  const spread = [...sources.values()].map(list => {
    const step = coprimeStep(list.length)
    return list.map((_, index) => list[(index * step) % list.length] as CorpusObject)
  })
  const longest = Math.max(...spread.map(list => list.length))
  const rounds = Array.from({ length: longest }, (_, round) => spread.flatMap(list => list.slice(round, round + 1)))
  return rounds.flat()
}

/** About 0.618 of the length, where steps leave the smallest gaps. */
function coprimeStep(length: number): number {
  let step = Math.max(1, Math.round(length * 0.618))
  while (divisor(step, length) !== 1) step += 1
  return step
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

const NAME_CHARACTERS = { strict: /[^a-z0-9.-]+/g, rbac: /[/%]+/g }

/** The manifest with names that the API server takes: what a template left open in `name` and `namespace` is written out. Nothing else changes. */
export function withValidNames(manifest: JsonObject): JsonObject {
  const metadata = isJsonObject(manifest.metadata) ? { ...manifest.metadata } : {}
  const isRbac = typeof manifest.apiVersion === 'string' && manifest.apiVersion.startsWith('rbac.')
  const hasName = typeof metadata.name === 'string' && metadata.name !== ''
  const hasBase = typeof metadata.generateName === 'string' && metadata.generateName !== ''
  if (hasName) metadata.name = validName(metadata.name as string, isRbac ? 'rbac' : 'strict')
  else if (!hasBase) metadata.name = 'unnamed'
  if (metadata.namespace !== undefined) {
    const { namespace } = metadata
    metadata.namespace =
      typeof namespace === 'string' && namespace !== ''
        ? validName(namespace, 'strict').replaceAll('.', '-')
        : 'default'
  }
  return { ...manifest, metadata }
}

function validName(name: string, characters: keyof typeof NAME_CHARACTERS): string {
  if (characters === 'rbac') return name.replace(NAME_CHARACTERS.rbac, '-')
  const cleaned = name.toLowerCase().replace(NAME_CHARACTERS.strict, '-')
  return cleaned.replace(/^[.-]+|[.-]+$/g, '').slice(0, 63) || 'unnamed'
}
