import { buildChangeSet, liveTargets, type ChangeSet } from '../../../src/change-set.js'
import { bareContext, PREDICTED } from '../../../src/context.js'
import type { NamespaceInfo } from '../../../src/decision-types.js'
import { GateError } from '../../../src/errors.js'
import type { JsonObject } from '../../../src/json.js'
import type { LiveAnswer } from '../../../src/live-objects.js'
import type { Manifest } from '../../../src/manifest.js'
import { namespaceInfo } from '../../../src/policy/bundle.js'
import { isLeftAlone, isPruned } from '../kustomization/marks.js'
import { buildKustomization, sourceName } from '../kustomization/build.js'
import { readKustomizationSpec, type KustomizationSpec } from '../kustomization/spec.js'
import { loadVariables } from '../kustomization/variables.js'
import { withWorkingCopy } from '../kustomization/working-copy.js'
import { createRedaction, type Redaction } from './redaction.js'
import { requesterOf } from './requester.js'
import { nameIn, summarize, type Judged } from './summarize.js'
import type { TreeJudgement, TreeParts, TreeToJudge, VariablesReference } from './tree-judgement.js'

/**
 * Judges what an artifact would change in the cluster, all its Kustomizations together: what one of them is denied, none gets.
 * Never throws for what is wrong with the artifact or a Kustomization: that is an error of the judgement.
 *
 * @throws the reason of an abort
 */
export async function judgeTree(tree: TreeToJudge, parts: TreeParts): Promise<TreeJudgement> {
  const { gate, signal } = parts
  const redaction = createRedaction()
  const built = await buildAll(tree, parts, redaction)
  const namespaces = new Map([...gate.bundle.namespaces, ...renderedNamespaces(built)])
  const changes: ChangeSet[] = []
  for (const each of built) {
    if (each.failure !== null || each.spec === null) continue
    signal.throwIfAborted()
    changes.push(await changesOf(each, each.spec, namespaces, tree.now, parts))
  }
  const found = {
    errors: [
      ...built.flatMap(each => (each.failure === null ? [] : [named(each.failure, each)])),
      ...changes.flatMap(each => each.errors),
    ],
    violations: changes.flatMap(each => each.violations),
    grants: changes.flatMap(each => each.grants),
  }
  const items = changes.flatMap(each => each.items)
  const context = bareContext({ gate: 'flux', now: tree.now, namespace: null, provenance: PREDICTED })
  const set = await gate.reviewSet(items, context, found)
  signal.throwIfAborted()
  return summarize(set, built, redaction.redact)
}

async function buildAll(tree: TreeToJudge, parts: TreeParts, redaction: Redaction): Promise<readonly Judged[]> {
  const build = async (copy: string): Promise<readonly Judged[]> => {
    const built: Judged[] = []
    for (const kustomization of tree.kustomizations) {
      parts.signal.throwIfAborted()
      const one = await buildOne(kustomization, copy, parts, redaction)
      redaction.add(one.manifests.map(each => each.object))
      built.push(one)
    }
    return built
  }
  if (tree.kustomizations.length === 0) return []
  try {
    return await withWorkingCopy(tree.root, build)
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    return tree.kustomizations.map(kustomization => ({ ...nothingOf(kustomization), failure: error }))
  }
}

async function buildOne(
  kustomization: JsonObject,
  copy: string,
  parts: TreeParts,
  redaction: Redaction,
): Promise<Judged> {
  let judged = nothingOf(kustomization)
  try {
    const spec = readKustomizationSpec(kustomization)
    judged = { ...judged, spec }
    const variables = await loadVariables(spec, reference => askVariables(reference, parts, redaction))
    judged = { ...judged, variables: variables.read }
    const options = { ...parts.render, signal: parts.signal }
    const manifests = await buildKustomization(spec, copy, variables.values, options)
    if (manifests.length > 0) return { ...judged, manifests }
    const message = 'it renders to no object: applying that would prune everything'
    return { ...judged, failure: new GateError('MANIFEST_NONE', message) }
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    return { ...judged, failure: error }
  }
}

/** An error with the Kustomization that it is about. */
function named({ code, message }: GateError, { kustomization, spec }: Judged): GateError {
  const file = sourceName(spec ?? nameIn(kustomization))
  return new GateError(code, `${file}: ${message}`, { position: { file } })
}

/** What a Secret holds is nothing for a message. */
async function askVariables(
  reference: VariablesReference,
  parts: TreeParts,
  redaction: Redaction,
): Promise<ReadonlyMap<string, string> | null> {
  const data = await parts.variables(reference)
  if (reference.kind === 'Secret' && data !== null) {
    redaction.add([{ apiVersion: 'v1', kind: 'Secret', stringData: Object.fromEntries(data) }])
  }
  return data
}

function nothingOf(kustomization: JsonObject): Judged {
  return { kustomization, spec: null, manifests: [], variables: [], failure: null }
}

async function changesOf(
  { kustomization, manifests }: Judged,
  spec: KustomizationSpec,
  namespaces: ReadonlyMap<string, NamespaceInfo>,
  now: string,
  parts: TreeParts,
): Promise<ChangeSet> {
  const namespace = spec.targetNamespace === '' ? spec.namespace : spec.targetNamespace
  // Another cluster's objects are nothing that could be asked for here.
  const answer = spec.isRemote ? 'unknown' : await parts.live(kustomization, liveTargets(manifests, namespace))
  const { config } = parts.gate.bundle
  return buildChangeSet({
    // What the artifact itself says is to be left alone is never applied.
    manifests: manifests.filter(each => !isLeftAlone(each.object)),
    live: answer === 'unknown' ? answer : pruning(answer, spec),
    userInfo: requesterOf(spec, config.prediction),
    namespace,
    now,
    gate: 'flux',
    bundle: { config, namespaces },
  })
}

function pruning(answer: LiveAnswer, spec: KustomizationSpec): LiveAnswer {
  return { ...answer, pruned: spec.prune ? answer.pruned.filter(each => isPruned(each, spec)) : [] }
}

/** A namespace that one Kustomization makes is another one's, too. */
function renderedNamespaces(built: readonly Judged[]): readonly (readonly [string, NamespaceInfo])[] {
  return built.flatMap(({ manifests }) =>
    manifests.flatMap(({ object }: Manifest) => {
      const { apiVersion, kind, metadata } = object
      if (apiVersion !== 'v1' || kind !== 'Namespace' || typeof metadata.name !== 'string') return []
      return [[metadata.name, namespaceInfo(metadata)] as const]
    }),
  )
}
