import { writeFile } from 'node:fs/promises'
import { canonicalObject } from '../canonical.js'
import { GateError, thrownText } from '../errors.js'
import { findInputs } from '../io/inputs.js'
import { RarityBuilder, RaritySnapshot } from '../risk/rarity/snapshot.js'
import { setError } from '../set-decision.js'
import { write, type CliEnvironment } from './environment.js'
import { nothingFound, renderOptions, writeError } from './judging.js'
import { ScanItems } from './scan-items.js'

/** `lockkeeper rarity build` as it was asked for. */
export interface RarityOptions {
  readonly paths: readonly string[]
  /** The file of the snapshot. */
  readonly out: string
  readonly kustomize?: string
  readonly helm?: string
  readonly now?: Date
}

/** Manifests in a directory have no age; what a controller counts fades by half in so many days. */
const HALF_LIFE_DAYS = 90

/**
 * Counts what the manifests in the paths say, as a snapshot that says what is usual. What cannot be read is said on stderr,
 * and then no snapshot is written: one of a part would call the rest unusual.
 *
 * @returns the exit code: 2 when something could not be read
 * @throws GateError FILE_UNWRITABLE or MANIFEST_NONE
 */
export async function buildRarity(options: RarityOptions, environment: CliEnvironment): Promise<number> {
  const { paths, out } = options
  const { stdin, stdout, signal } = environment
  const { now = environment.now } = options
  const { inputs, errors } = await findInputs(paths)
  const builder = new RarityBuilder({ asOf: Math.floor(now.getTime() / 1000), halfLifeDays: HALF_LIFE_DAYS })
  const render = renderOptions(options, environment)
  const failed = [...errors]
  let objects = 0
  for await (const item of new ScanItems(inputs, { stdin, defaultNamespace: 'default', render }).items()) {
    signal.throwIfAborted()
    if (item.kind === 'error') failed.push(item.error)
    if (item.kind !== 'object') continue
    builder.add(canonicalObject(item.manifest.object))
    objects += 1
  }
  for (const error of failed) await writeError(environment, setError(error))
  if (failed.length > 0) return 2
  if (objects === 0) throw nothingFound(paths, 0)
  const bytes = builder.finish()
  const { digest } = new RaritySnapshot(bytes)
  try {
    await writeFile(out, bytes)
  } catch (error) {
    throw new GateError('FILE_UNWRITABLE', `${out}: cannot be written: ${thrownText(error)}`, { cause: error })
  }
  await write(stdout, `${objects} objects counted, rarity/${digest} written to ${out} (${bytes.length} bytes)\n`)
  return 0
}
