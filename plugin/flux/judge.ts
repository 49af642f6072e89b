import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GateError } from '../../src/errors.js'
import { readFileBytes, unreadable } from '../../src/io/files.js'
import { stringMembers, type JsonObject } from '../../src/json.js'
import { objectKey, type LiveAnswer } from '../../src/live-objects.js'
import { decodeUtf8, readManifests, type KubeObject } from '../../src/manifest.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { targetOf, type Target } from '../../src/request.js'
import { unpackArtifact } from './artifact/unpack.js'
import { judgeTree } from './judgement/judge-tree.js'
import type { TreeJudgement, TreeParts, VariablesReference } from './judgement/tree-judgement.js'

/** An artifact and what it feeds, as files. */
export interface ArtifactFiles {
  /** A .tgz, as a source serves it. */
  readonly archive: string
  /** YAML or JSON with Kustomizations of Flux, and with the ConfigMaps and Secrets that their substituteFrom names. */
  readonly kustomizations: readonly string[]
  /** A file of the objects that are live; not given: nobody knows them. */
  readonly base?: string
  /** RFC 3339, UTC, whole seconds. */
  readonly now: string
}

/** What judging files needs of the process. */
export type ArtifactParts = Pick<TreeParts, 'gate' | 'render' | 'signal'>

/**
 * Judges an artifact without a cluster.
 *
 * @throws GateError ARTIFACT_INVALID, FILE_UNREADABLE, MANIFEST_NONE, or what is wrong with a file; what is wrong inside of the
 *   artifact is an error of the judgement
 */
export async function judgeArtifact(files: ArtifactFiles, parts: ArtifactParts): Promise<TreeJudgement> {
  const objects = (await Promise.all(files.kustomizations.map(readObjects))).flat()
  const kustomizations = objects.filter(isKustomization)
  if (kustomizations.length === 0) {
    throw new GateError('MANIFEST_NONE', `no Kustomization of Flux is in ${files.kustomizations.join(', ')}`)
  }
  const base = files.base === undefined ? null : await readObjects(files.base)
  const root = await mkdtemp(join(tmpdir(), 'lockkeeper-artifact-'))
  try {
    await unpack(files.archive, root)
    return await judgeTree(
      { root, kustomizations, now: files.now },
      {
        ...parts,
        variables: reference => Promise.resolve(variablesIn(objects, reference)),
        live: (_, targets) => Promise.resolve(base === null ? 'unknown' : liveIn(base, targets)),
      },
    )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function unpack(archive: string, root: string): Promise<void> {
  try {
    await unpackArtifact(createReadStream(archive), root)
  } catch (error) {
    throw unreadable(archive, error)
  }
}

async function readObjects(file: string): Promise<readonly KubeObject[]> {
  return [...readManifests(decodeUtf8(await readFileBytes(file), file), file)].map(each => {
    if (each instanceof GateError) throw each
    return each.object
  })
}

function isKustomization({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'Kustomization' && apiVersion.startsWith('kustomize.toolkit.fluxcd.io/')
}

function variablesIn(
  objects: readonly KubeObject[],
  { kind, namespace, name }: VariablesReference,
): ReadonlyMap<string, string> | null {
  const found = objects.find(
    ({ metadata, ...each }) =>
      each.apiVersion === 'v1' &&
      each.kind === kind &&
      metadata.name === name &&
      (metadata.namespace ?? 'default') === namespace,
  )
  if (found === undefined) return null
  const data = Object.entries(stringMembers(found.data))
  if (kind === 'ConfigMap') return new Map(data)
  const decoded = data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')] as const)
  return new Map([...decoded, ...Object.entries(stringMembers(found.stringData))])
}

/** What a file of live objects says of the objects that are asked for, and which others it has. */
function liveIn(base: readonly KubeObject[], targets: readonly Target[]): LiveAnswer {
  const keyOf = (target: Target): string => objectKey(target.group, target.kind, target.namespace, target.name ?? '')
  const byKey = new Map<string, JsonObject>(base.map(each => [keyOf(targetOf(each, 'default')), each]))
  const wanted = targets.map(keyOf)
  const isWanted = new Set(wanted)
  return {
    objects: new Map(wanted.map(key => [key, byKey.get(key) ?? null])),
    pruned: [...byKey].flatMap(([key, each]) => (isWanted.has(key) ? [] : [each])),
    namespaces: new Map(
      base
        .filter(each => each.apiVersion === 'v1' && each.kind === 'Namespace')
        .map(({ metadata }) => [typeof metadata.name === 'string' ? metadata.name : '', namespaceInfo(metadata)]),
    ),
  }
}
