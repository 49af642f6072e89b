import { mkdir } from 'node:fs/promises'
import { GateError, thrownText } from '../src/errors.js'
import { FeatureMatrix, type MatrixRow } from '../src/io/feature-matrix.js'
import { CHANGE_COLUMNS, changeInput } from '../src/risk/change-input.js'
import { OBJECT_FEATURES, objectFeatures } from '../src/risk/features.js'
import { readCorpus, type CorpusRecord } from './corpus.js'
import { CorpusHistory } from './history.js'

/** Where a corpus lies. */
export interface CorpusFiles {
  readonly manifests: string
  readonly changes: string
}

/**
 * Writes what a model is trained with: `objects` for the manifests of a corpus and `changes` for its changes, with the rarity
 * that each had in its own history.
 *
 * @throws GateError FILE_UNREADABLE, FILE_UNWRITABLE, MANIFEST_SYNTAX or MANIFEST_INVALID
 */
export async function writeMatrices(
  files: CorpusFiles,
  out: string,
): Promise<{ readonly objects: number; readonly changes: number }> {
  try {
    await mkdir(out, { recursive: true })
  } catch (error) {
    throw new GateError('FILE_UNWRITABLE', `${out}: cannot be made: ${thrownText(error)}`, { cause: error })
  }
  const objects = await FeatureMatrix.create(out, 'objects', OBJECT_FEATURES)
  const changes = await FeatureMatrix.create(out, 'changes', CHANGE_COLUMNS)
  const history = new CorpusHistory()
  for await (const record of readCorpus(files.manifests)) {
    history.add(record)
    await objects.add(objectFeatures(record.object).values, rowOf(record, files.manifests))
  }
  for await (const record of readCorpus(files.changes)) history.add(record)
  for await (const record of readCorpus(files.changes)) {
    await changes.add(changeRow(record, history), rowOf(record, files.changes))
  }
  return { objects: await objects.finish(), changes: await changes.finish() }
}

/** One row of the change model's input. */
export function changeRow(record: CorpusRecord, history: CorpusHistory): Float32Array {
  return changeInput(record.old ?? {}, record.object, history.before(record)).vector.values
}

function rowOf({ id, line, object }: CorpusRecord, file: string): MatrixRow {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  const { apiVersion, kind, metadata } = object
  const named = (typeof metadata === 'object' && metadata !== null ? metadata : {}) as Record<string, unknown>
  return {
    id,
    file,
    line,
    apiVersion: text(apiVersion),
    kind: text(kind),
    namespace: text(named.namespace),
    name: text(named.name),
  }
}
