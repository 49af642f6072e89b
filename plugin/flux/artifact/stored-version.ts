import { isJsonObject, type Json, type JsonObject, stringMembers } from '../../../src/json.js'

/** An artifact that was allowed, as it is kept for its gate. */
export interface StoredVersion {
  /** `sha256:…` of the file. */
  readonly digest: string
  readonly size: number
  /** The upstream revision, such as `main@sha1:…`. */
  readonly revision: string
  /** Of the upstream artifact that it was made from. */
  readonly sourceDigest: string
  /** The upstream's own metadata. */
  readonly metadata: Readonly<Record<string, string>>
  /** Which part of the tree it has; empty: all of it. */
  readonly paths: readonly string[]
  /** The id of the SetDecision that allowed it. */
  readonly decision: string
  /** When it was allowed: RFC 3339, in whole seconds. */
  readonly allowedAt: string
}

const DIGEST = /^sha256:[0-9a-f]{64}$/

/** The versions of a gate, the one in force first; null for what is no such record. */
export function parseVersions(value: Json): readonly StoredVersion[] | null {
  if (!isJsonObject(value) || value.format !== 1 || !Array.isArray(value.versions)) return null
  const versions = value.versions.map(versionIn)
  return versions.every(each => each !== null) && versions.length > 0 ? versions : null
}

/** What parseVersions reads. */
export function versionsJson(versions: readonly StoredVersion[]): JsonObject {
  return {
    format: 1,
    versions: versions.map(each => ({ ...each, metadata: { ...each.metadata }, paths: [...each.paths] })),
  }
}

function versionIn(value: Json): StoredVersion | null {
  if (!isJsonObject(value)) return null
  const { digest, revision, sourceDigest, decision, allowedAt } = stringMembers(value)
  const { size, paths } = value
  if (digest === undefined || !DIGEST.test(digest) || typeof size !== 'number') return null
  if (revision === undefined || sourceDigest === undefined || decision === undefined) return null
  if (allowedAt === undefined || !Array.isArray(paths) || !paths.every(each => typeof each === 'string')) return null
  return { digest, size, revision, sourceDigest, metadata: stringMembers(value.metadata), paths, decision, allowedAt }
}
