import { type JsonObject, isJsonObject, stringMembers } from '../../../src/json.js'
import type { AdvertisedArtifact } from '../artifact/fetch.js'
import { member } from './artifact-gate.js'

/** What a source has in its status; null: nothing yet. */
export function sourceArtifact(source: JsonObject): AdvertisedArtifact | null {
  const { artifact } = member(source, 'status')
  if (!isJsonObject(artifact)) return null
  const { url, digest, revision } = stringMembers(artifact)
  if (url === undefined || digest === undefined || revision === undefined) return null
  return { url, digest, revision, metadata: stringMembers(artifact.metadata) }
}
