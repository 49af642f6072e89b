import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError, thrownText } from '../../../src/errors.js'
import { parseJson, stringifyJson } from '../../../src/json.js'
import { DURABLE_FILES, type DurableFiles } from './durable-files.js'
import { parseVersions, type StoredVersion, versionsJson } from './stored-version.js'

/** Whose artifacts. */
export interface GateName {
  readonly namespace: string
  readonly name: string
}

/** What was not as it was left. */
export interface StoreLoss {
  readonly gate: GateName
  readonly what: string
}

/** Keeps the allowed artifacts of gates on a volume: what it says is there is there whole, whenever the process ends. */
export interface ArtifactStore {
  /** The artifact in force; null where nothing was allowed yet. Its file may be lost: `hasFile` knows. */
  current(gate: GateName): StoredVersion | null
  hasFile(gate: GateName, digest: string): boolean
  /** Of an artifact that is kept. */
  fileOf(gate: GateName, digest: string): string
  /** An empty directory on the volume, which is the caller's to remove; the next start removes what was left. */
  scratch(): Promise<string>
  /** Takes over a file, for good; the version is the one in force from then on. */
  keep(gate: GateName, file: string, version: Omit<StoredVersion, 'digest' | 'size'>): Promise<StoredVersion>
  /** Puts back the file of the version in force, if these are its bytes. @returns whether they are */
  restore(gate: GateName, file: string): Promise<boolean>
  /** The file of an artifact is not what it was: it is served no more. */
  lose(gate: GateName, digest: string): Promise<void>
  /** Of a gate that is gone. */
  forget(gate: GateName): Promise<void>
  gates(): readonly GateName[]
}

/** The one in force, and the one before: who has begun to fetch it may end. */
const KEPT_VERSIONS = 2
const RECORD = 'allowed.json'
const SCRATCH = '.scratch'
const NAME = /^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?$/
const MAX_RECORD_BYTES = 1024 * 1024

interface Kept {
  readonly gate: GateName
  readonly versions: readonly StoredVersion[]
  readonly files: ReadonlySet<string>
}

/**
 * Opens a volume: every file is verified, and what is torn or belongs to nobody is removed.
 *
 * @param onLoss told of a file that was in force and is none any more
 * @throws GateError FILE_UNWRITABLE where the volume cannot be used
 */
export async function openArtifactStore(
  directory: string,
  onLoss: (loss: StoreLoss) => void,
  files: DurableFiles = DURABLE_FILES,
): Promise<ArtifactStore> {
  const kept = new Map<string, Kept>()
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await files.remove(join(directory, SCRATCH))
    await mkdir(join(directory, SCRATCH), { mode: 0o700 })
    for (const namespace of await foldersIn(directory)) {
      for (const name of await foldersIn(join(directory, namespace))) {
        const gate = { namespace, name }
        const found = await verify(join(directory, namespace, name), gate, onLoss, files)
        if (found !== null) kept.set(keyOf(gate), found)
      }
    }
  } catch (thrown) {
    throw unusable(directory, thrown)
  }

  const folderOf = ({ namespace, name }: GateName) => join(directory, namespace, name)
  const known = (gate: GateName) => kept.get(keyOf(gate)) ?? { gate, versions: [], files: new Set<string>() }
  const place = async (gate: GateName, file: string): Promise<{ digest: string; size: number }> => {
    const found = await digestOf(file)
    const folder = folderOf(gate)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // The way to the folder lasts, too.
    await files.sync(directory)
    await files.sync(join(directory, gate.namespace))
    await files.sync(file)
    await files.rename(file, join(folder, fileName(found.digest)))
    await files.sync(folder)
    return found
  }

  return {
    current: gate => known(gate).versions[0] ?? null,
    hasFile: (gate, digest) => known(gate).files.has(digest),
    fileOf: (gate, digest) => join(folderOf(gate), fileName(digest)),
    scratch: () => mkdtemp(join(directory, SCRATCH, 'work-')),
    keep: async (gate, file, version) => {
      if (!NAME.test(gate.namespace) || !NAME.test(gate.name)) throw new Error('no names of Kubernetes')
      try {
        const { digest, size } = await place(gate, file)
        const { versions, files: had } = known(gate)
        const others = versions.filter(each => each.digest !== digest)
        const next = [{ ...version, digest, size }, ...others].slice(0, KEPT_VERSIONS)
        await writeRecord(folderOf(gate), next, files)
        const there = new Set([...had, digest].filter(each => next.some(kept => kept.digest === each)))
        kept.set(keyOf(gate), { gate, versions: next, files: there })
        await sweep(folderOf(gate), next, files)
        return { ...version, digest, size }
      } catch (thrown) {
        throw unusable(directory, thrown)
      }
    },
    restore: async (gate, file) => {
      const { versions, files: had } = known(gate)
      const found = await digestOf(file)
      if (found.digest !== versions[0]?.digest) return false
      await place(gate, file)
      kept.set(keyOf(gate), { gate, versions, files: new Set([...had, found.digest]) })
      return true
    },
    lose: async (gate, digest) => {
      const { versions, files: had } = known(gate)
      if (!had.has(digest)) return
      kept.set(keyOf(gate), { gate, versions, files: new Set([...had].filter(each => each !== digest)) })
      await files.remove(join(folderOf(gate), fileName(digest)))
    },
    forget: async gate => {
      kept.delete(keyOf(gate))
      await files.remove(folderOf(gate))
    },
    gates: () => [...kept.values()].map(({ gate }) => gate),
  }
}

/** First the record to which nothing more is added, then its name. */
async function writeRecord(folder: string, versions: readonly StoredVersion[], files: DurableFiles): Promise<void> {
  const next = join(folder, `${RECORD}.next`)
  await files.write(next, `${stringifyJson(versionsJson(versions), 2)}\n`)
  await files.sync(next)
  await files.rename(next, join(folder, RECORD))
  await files.sync(folder)
}

async function verify(
  folder: string,
  gate: GateName,
  onLoss: (loss: StoreLoss) => void,
  files: DurableFiles,
): Promise<Kept | null> {
  const versions = await recordIn(folder)
  if (versions === null) {
    // Nothing was ever in force: an artifact without its record was not published.
    const hadRecord = (await readdir(folder)).includes(RECORD)
    if (hadRecord) onLoss({ gate, what: 'the record of its artifacts cannot be read' })
    await files.remove(folder)
    return null
  }
  const there = new Set<string>()
  for (const { digest, size } of versions) {
    const file = join(folder, fileName(digest))
    const found = await digestOf(file).catch(() => null)
    if (found?.digest === digest && found.size === size) {
      there.add(digest)
      continue
    }
    onLoss({ gate, what: found === null ? `${digest} is not there` : `${digest} is not what it was` })
    await files.remove(file)
  }
  await sweep(folder, versions, files)
  return { gate, versions, files: there }
}

async function recordIn(folder: string): Promise<readonly StoredVersion[] | null> {
  try {
    const text = await readFile(join(folder, RECORD), 'utf8')
    return text.length > MAX_RECORD_BYTES ? null : parseVersions(parseJson(text))
  } catch {
    return null
  }
}

/** Removes what is neither the record nor one of its files. */
async function sweep(folder: string, versions: readonly StoredVersion[], files: DurableFiles): Promise<void> {
  const wanted = new Set([RECORD, ...versions.map(each => fileName(each.digest))])
  for (const each of await readdir(folder)) if (!wanted.has(each)) await files.remove(join(folder, each))
}

async function foldersIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  return entries.filter(each => each.isDirectory() && NAME.test(each.name)).map(each => each.name)
}

async function digestOf(file: string): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk)
  const { size } = await stat(file)
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

/** The name of an artifact's file, in the store and in its URL. */
export function fileName(digest: string): string {
  return `${digest.replace('sha256:', '')}.tar.gz`
}

function keyOf({ namespace, name }: GateName): string {
  return `${namespace}/${name}`
}

function unusable(directory: string, thrown: unknown): GateError {
  if (thrown instanceof GateError) return thrown
  return new GateError('FILE_UNWRITABLE', `${directory}: artifacts cannot be kept: ${thrownText(thrown)}`, {
    cause: thrown,
  })
}
