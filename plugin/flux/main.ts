import type { ArtifactFiles, ArtifactParts } from './judge.js'
import type { TreeJudgement } from './judgement/tree-judgement.js'
import type { FluxOptions } from './options.js'
import type { FluxEnvironment } from './run.js'

// What each command needs it loads itself.

/**
 * Judges an artifact without a cluster: `lockkeeper flux judge`.
 *
 * @throws GateError
 */
export async function judgeArtifact(files: ArtifactFiles, parts: ArtifactParts): Promise<TreeJudgement> {
  return (await import('./judge.js')).judgeArtifact(files, parts)
}

/**
 * Judges and publishes the artifacts of a cluster: `lockkeeper flux controller`.
 *
 * @throws GateError when it cannot begin
 */
export async function runFlux(options: FluxOptions, environment: FluxEnvironment): Promise<void> {
  await (await import('./run.js')).runFlux(options, environment)
}
