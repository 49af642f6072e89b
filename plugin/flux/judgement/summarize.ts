import { createHash } from 'node:crypto'
import { actionAt, strongest, toAction } from '../../../src/actions.js'
import { canonicalJson, canonicalObject } from '../../../src/canonical.js'
import type { Action, SetDecision, SetViolation } from '../../../src/decision-types.js'
import type { GateError } from '../../../src/errors.js'
import { hideSecrets } from '../../../src/hide-secrets.js'
import { isJsonObject, type JsonObject } from '../../../src/json.js'
import type { Manifest } from '../../../src/manifest.js'
import { safeText } from '../../../src/report/safe-text.js'
import { plural, resourceText } from '../../../src/report/text.js'
import { sourceName } from '../kustomization/build.js'
import type { KustomizationSpec } from '../kustomization/spec.js'
import { notesOf } from './notes.js'
import type { KustomizationJudgement, TreeJudgement } from './tree-judgement.js'

/** A Kustomization on its way to a judgement. */
export interface Judged {
  readonly kustomization: JsonObject
  /** null: it cannot be read. */
  readonly spec: KustomizationSpec | null
  readonly manifests: readonly Manifest[]
  readonly variables: KustomizationJudgement['variables']
  /** Why it could not be built. */
  readonly failure: GateError | null
}

const MAX_MESSAGE_LENGTH = 1_000

/** What was found of each Kustomization, next to what was found of all of them; without secrets in what tools and readers said. */
export function summarize(
  set: SetDecision,
  judged: readonly Judged[],
  redact: (text: string) => string,
): TreeJudgement {
  const errors = set.errors.map(each => ({ ...each, message: redact(each.message) }))
  return {
    set: { ...set, errors },
    kustomizations: judged.map(each => summaryOf(each, { ...set, errors }, redact)),
  }
}

function summaryOf(
  { kustomization, spec, manifests, variables }: Judged,
  set: SetDecision,
  redact: (text: string) => string,
): KustomizationJudgement {
  const place = spec ?? nameIn(kustomization)
  const file = sourceName(place)
  const { action, findings } = found(set, file)
  const prefix = `${file}: `
  const errors = set.errors
    .filter(each => each.file === file)
    .map(({ message }) => (message.startsWith(prefix) ? message.slice(prefix.length) : message))
  // A change that cannot be judged is none that is allowed.
  const isFailed = errors.length > 0
  const said = isFailed ? errors : findings
  const head = { deny: 'denied', warn: 'allowed with warnings', allow: '' }[action]
  return {
    namespace: place.namespace,
    name: place.name,
    action: isFailed ? 'error' : action,
    message: redact(messageOf(isFailed ? 'could not be judged' : head, said)),
    notes: spec === null ? [] : notesOf(spec, manifests),
    objects: manifests.length,
    digests: manifests.map(each => digestOf(each.object)).sort(),
    variables,
  }
}

/** What the Decisions about a file's objects, and the set's violations that name them, come to. */
function found(set: SetDecision, file: string): { readonly action: Action; readonly findings: readonly string[] } {
  const decisions = set.decisions.filter(each => each.resource.file === file)
  const violations = set.violations.filter(each => each.objects.some(object => object.file === file))
  const ofSet = (each: SetViolation): Action => toAction(actionAt(each, 'flux'))
  const action = strongest([...decisions.map(each => each.action), ...violations.map(ofSet)])
  if (action === 'allow') return { action, findings: [] }
  const ofDecisions = decisions
    .filter(each => each.action === action)
    .flatMap(({ resource, violations, degraded }) => {
      const own = violations.filter(each => actionAt(each, 'flux') === action)
      if (own.length > 0) return own.map(each => findingText(resourceText(resource), each))
      return [`${resourceText(resource)}: ${degraded[0]?.text ?? action}`]
    })
  const ofSets = violations
    .filter(each => ofSet(each) === action)
    .map(each => findingText(each.objects[0] === undefined ? 'the change' : resourceText(each.objects[0]), each))
  return { action, findings: [...ofSets, ...ofDecisions] }
}

function findingText(
  what: string,
  {
    policy,
    message,
    remedy,
  }: Pick<SetViolation, 'policy' | 'message'> & { readonly remedy?: { readonly text: string } },
): string {
  return `${what}: [${policy}] ${message}${remedy === undefined ? '' : ` (fix: ${remedy.text})`}`
}

function messageOf(head: string, [first, ...others]: readonly string[]): string {
  if (head === '' || first === undefined) return head
  const rest = others.length === 0 ? '' : `; and ${plural(others.length, 'other finding')}`
  const line = safeText(`${head}: ${first}`.replaceAll(/\s+/g, ' '))
  const room = MAX_MESSAGE_LENGTH - rest.length
  return (line.length > room ? `${line.slice(0, room - 1)}…` : line) + rest
}

function digestOf(object: JsonObject): string {
  const shown = object.kind === 'Secret' ? hideSecrets(object) : object
  return createHash('sha256')
    .update(canonicalJson(canonicalObject(shown)))
    .digest('hex')
}

/** What a Kustomization is called that cannot be read. */
export function nameIn({ metadata }: JsonObject): { readonly namespace: string; readonly name: string } {
  const { namespace, name } = isJsonObject(metadata) ? metadata : {}
  return {
    namespace: typeof namespace === 'string' ? namespace : 'default',
    name: typeof name === 'string' ? name : '',
  }
}
