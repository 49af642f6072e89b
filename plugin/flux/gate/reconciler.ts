import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../../../src/canonical.js'
import { GateError } from '../../../src/errors.js'
import type { Clock } from '../../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../../src/io/cluster/cluster-client.js'
import type { Logger } from '../../../src/io/log.js'
import { type JsonObject, stringMembers } from '../../../src/json.js'
import { cutTree } from '../artifact/cut.js'
import { fetchArtifact } from '../artifact/fetch.js'
import { packTree } from '../artifact/pack.js'
import type { ArtifactStore, GateName } from '../artifact/store.js'
import { unpackArtifact } from '../artifact/unpack.js'
import type { TreeJudgement, TreeToJudge, VariablesReference } from '../judgement/tree-judgement.js'
import type { GateCondition, Metrics } from '../metrics.js'
import { ARTIFACT_GATES, type ArtifactGate, member, parseArtifactGate } from './artifact-gate.js'
import { EXTERNAL_ARTIFACTS, externalArtifact, externalArtifactStatus } from './external-artifact.js'
import { type Inputs, inputsDigest, variablesOf } from './inputs.js'
import { type Notice, noticesOf } from './notices.js'
import { gateStatus, isAllowed, type Judged, judgedOf, type Outcome, readyCondition } from './outcome.js'
import { type GateState, isMadeFrom, planFor, type Problem } from './plan.js'
import { type InputsReader, readInputs } from './read-inputs.js'

export interface ReconcilerOptions extends Omit<InputsReader, 'client'> {
  readonly client: Pick<ClusterClient, 'find' | 'create' | 'replace'>
  readonly store: ArtifactStore
  readonly judge: (tree: TreeToJudge, signal: AbortSignal) => Promise<TreeJudgement>
  /** Where artifacts are served, without a slash at the end. */
  readonly artifactUrl: string
  readonly judgeTimeoutMs: number
  /** Told which objects a gate takes variables from; none when it is gone. */
  readonly onVariables: (gate: GateName, variables: readonly VariablesReference[]) => void
  readonly onNotice: (notice: Notice) => void
  readonly metrics: Pick<Metrics, 'judgements' | 'duration' | 'stale' | 'failures' | 'published'>
  readonly log: Logger
  readonly clock: Clock
}

/**
 * What is to follow a look at a gate: nothing until something changes; `unchanged`, so a try that is due stays due; another look at
 * once; or one after a failure.
 */
export type Next = 'rest' | 'unchanged' | 'again' | { readonly retryWithinMs: number }

/** Looks at gates, one at a time each, and brings what is published to what was allowed. */
export interface Reconciler {
  /** Settles also where it fails: `Next` says when to try again. */
  reconcile(name: GateName, signal: AbortSignal): Promise<Next>
  /** What could not be judged is tried again at the next look, though nothing changed. */
  doubt(name: GateName): void
  conditions(): Readonly<Record<GateCondition, number>>
}

/** What this process knows of a gate: what came of these inputs. */
interface Known {
  readonly inputs: string
  readonly outcome: { readonly judged: Judged } | { readonly problem: Problem }
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { client, store, clock, log, metrics } = options
  const memory = new Map<string, Known>()
  const conditions = new Map<string, GateCondition>()
  const now = () => `${clock.date().toISOString().slice(0, 19)}Z`

  const forget = async (name: GateName): Promise<void> => {
    for (const map of [memory, conditions]) map.delete(keyOf(name))
    options.onVariables(name, [])
    await store.forget(name)
  }

  /** Judges what the source has; what is allowed is kept before anybody is told. */
  const judge = async (inputs: Inputs, digest: string, signal: AbortSignal): Promise<Judged | 'stale'> => {
    const { gate, artifact, kustomizations } = inputs
    const beganMs = clock.monotonicMs()
    const work = await store.scratch()
    try {
      const [fetched, tree, packed] = [join(work, 'source'), join(work, 'tree'), join(work, 'artifact')]
      await fetchArtifact(artifact, { file: fetched, signal })
      await mkdir(tree)
      await unpackArtifact(createReadStream(fetched), tree)
      await cutTree(tree, gate.paths)
      await packTree(tree, packed)
      const judgedAt = now()
      const judgement = await options.judge(
        { root: tree, revision: artifact.revision, kustomizations, now: judgedAt },
        signal,
      )
      const judged = judgedOf(artifact, judgement, judgedAt)
      // What it was judged by has to be what it would be applied with.
      const object = await client.find({ ...ARTIFACT_GATES, namespace: gate.namespace }, gate.name, { signal })
      const again = object === null ? null : await readInputs(parseArtifactGate(object), options, signal)
      if (again === null || !('artifact' in again) || inputsDigest(again) !== digest) {
        metrics.stale.inc()
        return 'stale'
      }
      metrics.judgements.inc({ action: judged.action })
      metrics.duration.observe((clock.monotonicMs() - beganMs) / 1000)
      const kept = store.current(gate)
      if (isAllowed(judged)) {
        const { revision, digest: sourceDigest, metadata } = artifact
        const { paths } = gate
        await store.keep(gate, packed, {
          ...{ revision, sourceDigest, metadata, paths },
          ...{ decision: judged.decision, allowedAt: judgedAt },
        })
      } else if (kept !== null && !store.hasFile(gate, kept.digest) && isMadeFrom(kept, artifact, gate.paths)) {
        // It was allowed once: what is in force can be served again.
        await store.restore(gate, packed)
      }
      return judged
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }

  /** Writes what differs, the artifact first. */
  const publish = async (gate: ArtifactGate, object: JsonObject, outcome: Outcome, signal: AbortSignal) => {
    const kept = store.current(gate)
    const written = await writeArtifact(gate, outcome, signal)
    if (written) metrics.published.inc()
    const collection = { ...ARTIFACT_GATES, namespace: gate.namespace }
    const status = gateStatus(gate, object, { outcome, kept, now: now() })
    if (isSame(status, object.status)) return
    await client.replace(collection, gate.name, { ...object, status }, { subresource: 'status', signal })
  }

  const writeArtifact = async (gate: ArtifactGate, outcome: Outcome, signal: AbortSignal): Promise<boolean> => {
    const collection = { ...EXTERNAL_ARTIFACTS, namespace: gate.namespace }
    const version = store.current(gate)
    let found = await client.find(collection, gate.name, { signal })
    const wanted = externalArtifact(gate, found)
    if (found === null) found = await client.create(collection, wanted, { signal })
    else if (!isSame(wanted, found)) found = await client.replace(collection, gate.name, wanted, { signal })
    const ready = readyCondition(outcome, version)
    const status = externalArtifactStatus(gate, found, {
      ...{ artifactUrl: options.artifactUrl, version, ready, now: now() },
    })
    if (isSame(status, found.status)) return false
    await client.replace(collection, gate.name, { ...found, status }, { subresource: 'status', signal })
    return true
  }

  const look = async (name: GateName, signal: AbortSignal): Promise<Next> => {
    const object = await client.find({ ...ARTIFACT_GATES, namespace: name.namespace }, name.name, { signal })
    if (object === null || member(object, 'metadata').deletionTimestamp !== undefined) {
      await forget(name)
      return 'rest'
    }
    const gate = parseArtifactGate(object)
    const key = keyOf(name)
    const settle = async (outcome: Outcome) => {
      conditions.set(key, conditionOf(outcome))
      await publish(gate, object, outcome, signal)
    }
    const inputs = gate.isSuspended ? null : await readInputs(gate, options, signal)
    if (inputs !== null && 'artifact' in inputs) options.onVariables(name, inputs.kustomizations.flatMap(variablesOf))
    const known = memory.get(key) ?? null
    const plan = planFor(stateOf(gate, inputs, known, store))
    if (plan.kind === 'rest') {
      await settle({ suspended: true })
      return 'rest'
    }
    if (plan.kind === 'wait') {
      await settle({ problem: plan.problem })
      // What is not there yet is heard of when it comes.
      return 'rest'
    }
    if (plan.kind !== 'judge' || inputs === null || !('artifact' in inputs)) {
      if (known === null) return 'rest'
      await settle(known.outcome)
      return isWorthATry(known.outcome) ? 'unchanged' : 'rest'
    }
    log.debug('judging', { ...name, reason: plan.because, revision: inputs.artifact.revision })
    const digest = inputsDigest(inputs)
    const before = toldBefore(object)
    const attempt = await judgeInTime(inputs, digest, signal)
    if (attempt === 'stale') return 'again'
    memory.set(key, { inputs: digest, outcome: attempt })
    if ('problem' in attempt) {
      await settle(attempt)
      return { retryWithinMs: gate.intervalMs }
    }
    const { judged } = attempt
    const { action, revision, decision, bundle } = judged
    log.info('judged', { ...name, revision, action, decision, bundle })
    await settle(attempt)
    const told = { before, kept: store.current(gate) }
    for (const each of noticesOf(object, inputs.kustomizations, judged, told)) options.onNotice(each)
    return isWorthATry(attempt) ? { retryWithinMs: gate.intervalMs } : 'rest'
  }

  /** What the gate itself cannot do is a problem, too: nothing was judged. */
  const judgeInTime = async (
    inputs: Inputs,
    digest: string,
    signal: AbortSignal,
  ): Promise<Known['outcome'] | 'stale'> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(options.judgeTimeoutMs)])
    try {
      const judged = await judge(inputs, digest, limit)
      return judged === 'stale' ? judged : { judged }
    } catch (thrown) {
      signal.throwIfAborted()
      const error = limit.aborted
        ? new GateError('GATE_DEADLINE', `not judged within ${options.judgeTimeoutMs / 1000} s`, { cause: thrown })
        : thrown
      if (!(error instanceof GateError)) throw error
      const { namespace, name } = inputs.gate
      metrics.failures.inc({ code: error.code })
      log.warn('an artifact could not be judged', { namespace, name, code: error.code, error: error.message })
      return { problem: { reason: reasonOf(error), message: error.message } }
    }
  }

  return {
    reconcile: async (name, signal) => {
      try {
        return await look(name, signal)
      } catch (thrown) {
        if (signal.aborted) return 'rest'
        const isKnownKind = thrown instanceof GateError
        const code = isKnownKind ? thrown.code : 'INTERNAL'
        metrics.failures.inc({ code })
        const error = thrown instanceof Error ? thrown.message : String(thrown)
        log[isKnownKind ? 'warn' : 'error']('a gate could not be looked at', { ...name, code, error })
        return { retryWithinMs: MAX_RETRY_MS }
      }
    },
    doubt: name => {
      const outcome = memory.get(keyOf(name))?.outcome
      if (outcome !== undefined && ('problem' in outcome || outcome.judged.action === 'error'))
        memory.delete(keyOf(name))
    },
    conditions: () => {
      const counts = { ready: 0, held: 0, unknown: 0 }
      for (const condition of conditions.values()) counts[condition] += 1
      return counts
    },
  }
}

const MAX_RETRY_MS = 60_000
const ACTIONS = ['allow', 'warn', 'deny', 'error'] as const

function stateOf(
  gate: ArtifactGate,
  inputs: Awaited<ReturnType<typeof readInputs>> | null,
  known: Known | null,
  store: ArtifactStore,
): GateState {
  const version = store.current(gate)
  const reading =
    inputs === null
      ? { problem: { reason: 'Suspended', message: 'suspended' } }
      : 'artifact' in inputs
        ? { artifact: inputs.artifact, inputs: inputsDigest(inputs) }
        : { problem: inputs }
  return {
    isSuspended: gate.isSuspended,
    isAskedFor: gate.requestedAt !== '' && gate.requestedAt !== gate.handledAt,
    paths: gate.paths,
    reading,
    judged:
      known === null
        ? null
        : { inputs: known.inputs, isAllowed: 'judged' in known.outcome && isAllowed(known.outcome.judged) },
    kept: version === null ? null : { version, hasFile: store.hasFile(gate, version.digest) },
  }
}

/** A tool that was too slow, or a server that was away: the next time may be another one. */
function isWorthATry(outcome: Known['outcome']): boolean {
  return 'problem' in outcome || outcome.judged.action === 'error'
}

function conditionOf(outcome: Outcome): GateCondition {
  if (!('judged' in outcome)) return 'unknown'
  return isAllowed(outcome.judged) ? 'ready' : 'held'
}

/** A reason for a condition: `ARTIFACT_INVALID` is `ArtifactInvalid`. */
function reasonOf({ code }: GateError): string {
  return code
    .toLowerCase()
    .split('_')
    .map(word => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('')
}

/** Whether the API server has it already. */
function isSame(wanted: JsonObject, found: JsonObject[string] | undefined): boolean {
  return found !== undefined && canonicalJson(wanted) === canonicalJson(found)
}

/** What the status says of the last judgement, so that a process that begins does not tell it again. */
function toldBefore(object: JsonObject): Pick<Judged, 'revision' | 'action' | 'message'> | null {
  const { revision, action, message = '' } = stringMembers(member(object, 'status').lastJudged)
  const known = ACTIONS.find(each => each === action)
  return revision === undefined || known === undefined ? null : { revision, action: known, message }
}

function keyOf({ namespace, name }: GateName): string {
  return `${namespace}/${name}`
}
