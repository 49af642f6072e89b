import type { ArtifactFiles, ArtifactParts } from './judge.js'
import type { TreeJudgement } from './judgement/tree-judgement.js'

// What each command needs it loads itself.

/**
 * Judges an artifact without a cluster: `lockkeeper flux judge`.
 *
 * @throws GateError
 */
export async function judgeArtifact(files: ArtifactFiles, parts: ArtifactParts): Promise<TreeJudgement> {
  return (await import('./judge.js')).judgeArtifact(files, parts)
}
