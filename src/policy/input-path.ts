import { createHash } from 'node:crypto'
import type { Problem } from '../fields.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'

/** A part of a policy's input: everything at a JSON pointer, but for some members. */
export interface InputPath {
  readonly pointer: string
  /** Members of the object at the pointer that are not part of it. */
  readonly without: readonly string[]
}

/** By entrypoint, what its result depends on and nothing else; entrypoints of which that is not known are left out. */
export type PolicyInputs = ReadonlyMap<string, readonly InputPath[]>

/**
 * Reads from a bundle's manifest what the policy compiler found out about its entrypoints. A bundle that was compiled by
 * somebody else, or whose module is another one since, has nothing to say.
 */
export function readInputs(metadata: Json | undefined, wasm: Uint8Array, problems: Problem[]): PolicyInputs {
  const found = isJsonObject(metadata) ? metadata.lockkeeper : undefined
  if (!isJsonObject(found)) return new Map()
  const module = `sha256:${createHash('sha256').update(wasm).digest('hex')}`
  if (found.module !== module || !isJsonObject(found.inputs)) return new Map()
  const inputs = new Map<string, readonly InputPath[]>()
  for (const [entrypoint, list] of Object.entries(found.inputs)) {
    if (list === null) continue
    const paths = Array.isArray(list) ? list.map(readPath) : [null]
    if (paths.every(each => each !== null)) inputs.set(entrypoint, paths)
    else
      problems.push({ path: `.manifest.metadata.lockkeeper.inputs.${entrypoint}`, message: 'must be a list of paths' })
  }
  return inputs
}

function readPath(value: Json): InputPath | null {
  if (typeof value === 'string') return value.startsWith('/') ? { pointer: value, without: [] } : null
  if (!isJsonObject(value) || typeof value.path !== 'string' || !value.path.startsWith('/')) return null
  const { path, without } = value
  return Array.isArray(without) && without.every(each => typeof each === 'string') ? { pointer: path, without } : null
}

/**
 * What several entrypoints depend on together; null when that is not known of one of them. A policy's parameters are the
 * same for every input, so they are left out.
 */
export function joinPaths(inputs: PolicyInputs, entrypoints: readonly string[]): readonly InputPath[] | null {
  const joined = new Map<string, InputPath>()
  for (const entrypoint of entrypoints) {
    const paths = inputs.get(entrypoint)
    if (paths === undefined) return null
    for (const path of paths) {
      if (path.pointer !== '/parameters' && !path.pointer.startsWith('/parameters/')) joined.set(pathKey(path), path)
    }
  }
  const all = [...joined.values()]
  return all
    .filter(path => !all.some(other => other !== path && contains(other, path)))
    .sort((a, b) => (pathKey(a) < pathKey(b) ? -1 : 1))
}

/** One text for one path. */
export function pathKey({ pointer, without }: InputPath): string {
  return without.length === 0 ? pointer : `${pointer} ${JSON.stringify(without)}`
}

/** Whether a change of what another pointer names may be seen at this path. */
export function overlaps({ pointer, without }: InputPath, changed: string): boolean {
  if (pointer === changed || pointer.startsWith(`${changed}/`)) return true
  return contains({ pointer, without }, { pointer: changed, without: [] })
}

function contains(outer: InputPath, { pointer, without }: InputPath): boolean {
  if (outer.pointer === pointer) return outer.without.every(member => without.includes(member))
  if (!pointer.startsWith(`${outer.pointer}/`)) return false
  const [member = ''] = pointer.slice(outer.pointer.length + 1).split('/')
  return !outer.without.includes(unescapeSegment(member))
}

/** The keys that lead to what a pointer names. */
export function segmentsOf(pointer: string): readonly string[] {
  return pointer.split('/').slice(1).map(unescapeSegment)
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** A copy without some members. */
export function withoutMembers(value: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}
