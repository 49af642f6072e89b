import { bareContext, PREDICTED } from '../../src/context.js'
import { buildChangeSet, liveTargets } from '../../src/change-set.js'
import type { SetDecision } from '../../src/decision-types.js'
import { GateError } from '../../src/errors.js'
import type { Gate } from '../../src/gate.js'
import type { Rendered } from '../../src/io/render/rendering.js'
import { emptyObject, type JsonObject } from '../../src/json.js'
import type { LiveAnswer } from '../../src/live-objects.js'
import { readManifests, type KubeObject, type Manifest } from '../../src/manifest.js'
import type { Target } from '../../src/request.js'
import { setError } from '../../src/set-decision.js'
import { denialText, errorsText, warningText, type AnswerContext } from './denial.js'
import type { Answer, JudgeTask, Step, Subject } from './judge-messages.js'
import { serialize } from './output.js'
import { redactLikely, secretRedaction } from '../../src/redaction.js'

/** What judging needs beside the rendered texts. */
export interface JudgeParts {
  readonly gate: Pick<Gate, 'bundle' | 'reviewSet'>
  /** The live objects; `unknown` where nobody could be asked. Must settle in bounded time. */
  live(subject: Subject, targets: readonly Target[]): Promise<LiveAnswer | 'unknown'>
  /** The annotations that a judged object gets, such as its receipt. */
  annotations(object: KubeObject, subject: Subject): Readonly<Record<string, string>>
  /**
   * Told of every judgement: for records, and for the Application's own notice of its warnings. Must not reject.
   *
   * @param objects as rendered, in the order of the set's Decisions; null: one that goes
   */
  judged(set: SetDecision, task: JudgeTask, objects: readonly (KubeObject | null)[]): Promise<void>
  /** What the operator should know beside the judgement, each once. */
  notes(): readonly string[]
  /** Told what is being done. */
  readonly step: (step: Step) => void
}

/**
 * Judges a rendered source and writes the answer: the manifests that were judged, or why not.
 *
 * @throws GateError when the objects cannot be written so that every reader takes them for the same
 */
export async function judgeRendered(task: JudgeTask, parts: JudgeParts): Promise<Answer> {
  const { gate, step } = parts
  step('reading the manifests')
  const { manifests, errors } = readAll(task.rendered)
  const redactSecrets = secretRedaction(manifests.map(each => each.object))
  const context: AnswerContext = { seeAll: task.seeAll, redact: text => redactLikely(redactSecrets(text)) }
  const [failure] = errors
  if (failure !== undefined) return failed(errorsText(errors.map(setError), context))
  if (manifests.length === 0) return failed(errorsText([setError(nothingRendered(task))], context))

  const { subject, now } = task
  const { destinationNamespace: namespace } = subject
  step('asking for the live objects')
  const live = await parts.live(subject, liveTargets(manifests, namespace))
  step('judging')
  const { userInfo } = gate.bundle.config.prediction
  const change = buildChangeSet({ manifests, live, userInfo, namespace, now, gate: 'argocd', bundle: gate.bundle })
  const ofSet = bareContext({ gate: 'argocd', now, namespace: null, provenance: PREDICTED })
  const set = await gate.reviewSet(change.items, ofSet, change)
  await parts.judged(
    set,
    task,
    change.items.map(({ manifest }) => manifest?.object ?? null),
  )
  if (set.errors.length > 0) return failed(errorsText(set.errors, context))
  if (set.action === 'deny') return { exitCode: 1, stdout: '', stderr: denialText(set, 'deny', context) }
  if (set.action === 'warn' && task.failOnWarn) {
    return { exitCode: 1, stdout: '', stderr: denialText(set, 'warn', context) }
  }
  step('writing the manifests')
  // A manifest that another one replaces was not judged.
  const judged = change.items.flatMap(({ manifest }) => (manifest === null ? [] : [manifest.object]))
  const stdout = serialize(judged.map(object => annotated(object, parts.annotations(object, subject))))
  const notes = parts.notes().map(each => `lockkeeper: ${each}\n`)
  return { exitCode: 0, stdout, stderr: `${warningText(set, context)}${notes.join('')}` }
}

function readAll(rendered: readonly Rendered[]): { manifests: readonly Manifest[]; errors: readonly GateError[] } {
  const manifests: Manifest[] = []
  const errors: GateError[] = []
  for (const { file, text } of rendered) {
    for (const read of readManifests(text, file)) {
      if (read instanceof GateError) errors.push(read)
      else manifests.push(read)
    }
  }
  return { manifests, errors }
}

function nothingRendered({ rendered }: JudgeTask): GateError {
  const from =
    rendered
      .map(each => each.file)
      .slice(0, 3)
      .join(', ') || 'no file'
  return new GateError(
    'MANIFEST_NONE',
    `the source renders to no manifest (from ${from}): syncing that would delete everything`,
  )
}

function failed(stderr: string): Answer {
  return { exitCode: 2, stdout: '', stderr }
}

function annotated(object: KubeObject, added: Readonly<Record<string, string>>): JsonObject {
  if (Object.keys(added).length === 0) return object
  const { metadata } = object
  const annotations = Object.assign(emptyObject(), metadata.annotations, added)
  return Object.assign(emptyObject(), object, { metadata: Object.assign(emptyObject(), metadata, { annotations }) })
}
