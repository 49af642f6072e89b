import { createHash } from 'node:crypto'
import { DEFAULT_CONFIG, readConfig, type Config } from '../config.js'
import type { BundleReference, NamespaceInfo } from '../decision-types.js'
import { GateError, toGateError } from '../errors.js'
import { readException, type Exception } from '../exceptions.js'
import { problemsText, type Problem } from '../fields.js'
import { isJsonObject, parseJson, stringMembers, type Json, type JsonObject } from '../json.js'
import { decodeUtf8, readManifests } from '../manifest.js'
import type { WorkloadEntry } from '../workload.js'
import type { RaritySnapshot } from '../risk/rarity/snapshot.js'
import { RARITY_FOLDER, readRarity } from './bundle-rarity.js'
import { readCards } from './card.js'
import { readInputs, type PolicyInputs } from './input-path.js'
import type { PolicyCard } from './policy-types.js'

/** A bundle's files as they were read: paths without a leading `/`, and their bytes. */
export type BundleFiles = ReadonlyMap<string, Uint8Array>

/** A bundle that was read and checked; it judges once its Wasm is instantiated. */
export interface Bundle {
  readonly reference: BundleReference
  readonly cards: readonly PolicyCard[]
  readonly entrypoints: readonly string[]
  readonly inputs: PolicyInputs
  readonly wasm: Uint8Array
  readonly data: JsonObject
  readonly config: Config
  readonly exceptions: readonly Exception[]
  /** From `/lockkeeper/namespaces.yaml`: what is known of namespaces where no cluster can be asked. */
  readonly namespaces: ReadonlyMap<string, NamespaceInfo>
  /** What is below `/model/`; null: the bundle has no risk model. */
  readonly model: BundleFiles | null
  /** What is usual in the cluster; null: nothing is known of that. */
  readonly rarity: RaritySnapshot | null
}

const SIGNATURES = '.signatures.json'

/**
 * Reads an OPA bundle with Lockkeeper's own files beside it.
 *
 * @param options.allowUnsigned false: a bundle is refused, because this version verifies no signatures
 * @throws GateError BUNDLE_INVALID, BUNDLE_NO_ENTRYPOINTS, BUNDLE_UNSIGNED, RARITY_INVALID or CONFIG_INVALID (all mistakes at once)
 */
export function parseBundle(files: BundleFiles, options: { readonly allowUnsigned: boolean }): Bundle {
  if (!options.allowUnsigned) {
    throw new GateError(
      'BUNDLE_UNSIGNED',
      'the bundle is not signed by a key that is trusted here; allow it with --insecure-unsigned',
    )
  }
  const manifest = jsonFile(files, '.manifest')
  if (manifest === undefined) throw new GateError('BUNDLE_INVALID', 'the bundle has no .manifest')
  const wasm = files.get('policy.wasm')
  if (wasm === undefined)
    throw new GateError('BUNDLE_INVALID', 'the bundle has no policy.wasm: compile it with target wasm')

  const problems: Problem[] = []
  const cards = readCards(manifest.wasm, problems)
  const inputs = readInputs(manifest.metadata, wasm, problems)
  if (problems.length > 0) throw new GateError('BUNDLE_INVALID', `the bundle has mistakes:\n${problemsText(problems)}`)
  if (cards.length === 0)
    throw new GateError('BUNDLE_NO_ENTRYPOINTS', 'the bundle names no entrypoint, so it has no policy to judge with')

  return {
    reference: { digest: digestOf(files), revision: typeof manifest.revision === 'string' ? manifest.revision : '' },
    cards,
    entrypoints: cards.flatMap(card => card.rules.map(rule => entrypointOf(card, rule))),
    inputs,
    wasm,
    data: jsonFile(files, 'data.json') ?? {},
    config: configOf(files, cards),
    exceptions: documentsBelow(files, 'lockkeeper/exceptions/').map(({ value, file }) => readException(value, file)),
    namespaces: namespacesOf(files),
    model: modelFilesOf(files),
    rarity: readRarity(files),
  }
}

/** The entrypoint of one rule, as OPA's manifest writes it: `lockkeeper/host_ports/deny`. */
export function entrypointOf(card: PolicyCard, rule: string): string {
  return `${card.package.replaceAll('.', '/')}/${rule}`
}

/** One digest for a bundle, whether it was read from a directory or from an archive; signatures and rarity are not part of it. */
function digestOf(files: BundleFiles): string {
  const hash = createHash('sha256')
  const isPart = (path: string): boolean => path !== SIGNATURES && !path.startsWith(RARITY_FOLDER)
  for (const path of [...files.keys()].filter(isPart).sort()) {
    const content = createHash('sha256')
      .update(files.get(path) ?? new Uint8Array())
      .digest('hex')
    hash.update(`${path}\0${content}\n`)
  }
  return `sha256:${hash.digest('hex')}`
}

/** Read when a gate is made of the bundle: most of what is done with bundles has no use for the model. */
function modelFilesOf(files: BundleFiles): BundleFiles | null {
  const found = [...files].filter(([path]) => path.startsWith('model/'))
  return found.length === 0 ? null : new Map(found)
}

function jsonFile(files: BundleFiles, path: string): JsonObject | undefined {
  const bytes = files.get(path)
  if (bytes === undefined) return undefined
  const value = inBundle(path, () => parseJson(decodeUtf8(bytes, path)))
  if (!isJsonObject(value)) throw new GateError('BUNDLE_INVALID', `${path} of the bundle must hold a JSON object`)
  return value
}

function configOf(files: BundleFiles, cards: readonly PolicyCard[]): Config {
  const documents = documentsBelow(files, 'lockkeeper/config.yaml')
  if (documents.length === 0) return DEFAULT_CONFIG
  if (documents.length > 1) throw new GateError('CONFIG_INVALID', 'lockkeeper/config.yaml must hold one document')
  const problems: Problem[] = []
  const config = readConfig(documents[0]?.value ?? null, cards, problems)
  if (problems.length > 0) {
    throw new GateError('CONFIG_INVALID', `lockkeeper/config.yaml has mistakes:\n${problemsText(problems)}`)
  }
  return config
}

function namespacesOf(files: BundleFiles): ReadonlyMap<string, NamespaceInfo> {
  const namespaces = new Map<string, NamespaceInfo>()
  for (const { value, file } of documentsBelow(files, 'lockkeeper/namespaces.yaml')) {
    const metadata = value.metadata
    if (value.kind !== 'Namespace' || !isJsonObject(metadata) || typeof metadata.name !== 'string') {
      throw new GateError('CONFIG_INVALID', `${file} must hold Namespace objects only`)
    }
    namespaces.set(metadata.name, namespaceInfo(metadata))
  }
  return namespaces
}

/** What policies may know of a namespace: its labels and annotations. */
export function namespaceInfo(metadata: Json | undefined): NamespaceInfo {
  const { labels, annotations } = isJsonObject(metadata) ? metadata : {}
  return { labels: stringMembers(labels), annotations: stringMembers(annotations) }
}

function documentsBelow(
  files: BundleFiles,
  prefix: string,
): readonly { readonly value: JsonObject; readonly file: string }[] {
  return [...files.keys()]
    .filter(path => path.startsWith(prefix) && /\.ya?ml$/.test(path))
    .sort()
    .flatMap(file => {
      const text = inBundle(file, () => decodeUtf8(files.get(file) ?? new Uint8Array(), file))
      return [...readManifests(text, file)].map(each => {
        if (each instanceof GateError)
          throw new GateError('CONFIG_INVALID', `${file}: ${each.message}`, { cause: each })
        return { value: each.object, file }
      })
    })
}

function inBundle<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { message } = toGateError(error, 'BUNDLE_INVALID')
    throw new GateError('BUNDLE_INVALID', `${path} of the bundle cannot be read: ${message}`, { cause: error })
  }
}

/** The bundle's data with the workload table that is in force: what policies find pod templates by. */
export function applyConfiguredWorkloads(data: JsonObject, workloads: readonly WorkloadEntry[]): JsonObject {
  const lockkeeper = isJsonObject(data.lockkeeper) ? data.lockkeeper : {}
  return { ...data, lockkeeper: { ...lockkeeper, workloads: workloads.map(each => ({ ...each })) } }
}
