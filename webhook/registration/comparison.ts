import { canonicalJson } from '../../src/canonical.js'
import { isJsonObject, parseJson, type JsonObject } from '../../src/json.js'
import { bundleFingerprints, fingerprints } from './authorities.js'
import { type Entry, readEntries } from './entries.js'
import { resourceCovers } from './rules.js'

/** What was done to a configuration; the words of the metric. */
export type Tampering = 'deleted' | 'weakened' | 'redirected'

export interface Comparison {
  /** `outdated`: it differs, and nobody but us needs to have done it. */
  readonly state: 'equal' | 'outdated' | 'tampered' | 'missing'
  /** A sentence for each difference. */
  readonly changes: readonly string[]
  /** Of what is tampered. */
  readonly tampering: readonly Tampering[]
}

export interface ComparisonOptions {
  /** PEM of every authority that is ours: the last one, this one and the next one. */
  readonly knownAuthorities: readonly string[]
  /** Whether what is there was written by a gate of ours, of whatever version, and by nobody since; null where that cannot be known. */
  readonly isSealed: boolean | null
  /** What the API server made of the desired object when we wrote it last; null: we have not written it yet. */
  readonly accepted: JsonObject | null
}

interface Difference {
  /** `harmless`: no request less is judged, and none elsewhere. */
  readonly kind: 'weakened' | 'redirected' | 'harmless'
  readonly text: string
  /** A seal says nothing about it. */
  readonly isBeyondSeal?: true
}

/** Compares what is in the cluster with what should be; what the API server fills in, and what others note beside it, is no difference. */
export function compareConfigurations(
  live: JsonObject | null,
  desired: JsonObject,
  options: ComparisonOptions,
): Comparison {
  if (live === null) return { state: 'missing', changes: ['the configuration is not there'], tampering: [] }
  const differences = [
    ...ownerDifferences(live, desired),
    ...finalizerDifferences(live),
    ...entryDifferences(live, desired, options),
  ]
  const changes = differences.map(each => each.text)
  const suspicious = differences.filter(each => options.isSealed !== true || each.isBeyondSeal === true)
  const tampering = (['weakened', 'redirected'] as const).filter(kind => suspicious.some(each => each.kind === kind))
  if (tampering.length > 0) return { state: 'tampered', changes, tampering }
  if (changes.length > 0) return { state: 'outdated', changes, tampering: [] }
  if (options.isSealed === false) return { state: 'outdated', changes: ['the seal is missing'], tampering: [] }
  return { state: 'equal', changes, tampering: [] }
}

/** An owner that does not exist makes the garbage collector delete the object. Ours goes with the installation. */
function ownerDifferences(live: JsonObject, desired: JsonObject): readonly Difference[] {
  const [found, wanted] = [ownersOf(live), ownersOf(desired)]
  const foreign = found.some(each => !wanted.includes(each))
  if (foreign) return [{ ...weakened('metadata.ownerReferences were added'), isBeyondSeal: true }]
  const isMissing = wanted.some(each => !found.includes(each))
  return isMissing ? [{ kind: 'harmless', text: 'metadata.ownerReferences does not name the owner' }] : []
}

function ownersOf({ metadata }: JsonObject): readonly string[] {
  const owners = isJsonObject(metadata) && Array.isArray(metadata.ownerReferences) ? metadata.ownerReferences : []
  return owners.map(each =>
    canonicalJson(isJsonObject(each) ? [each.kind ?? '', each.name ?? '', each.uid ?? ''] : each),
  )
}

/** A finalizer keeps an object that was deleted from being made anew. */
function finalizerDifferences({ metadata }: JsonObject): readonly Difference[] {
  const finalizers = isJsonObject(metadata) && Array.isArray(metadata.finalizers) ? metadata.finalizers : []
  return finalizers.length === 0 ? [] : [{ ...weakened('metadata.finalizers were added'), isBeyondSeal: true }]
}

function entryDifferences(live: JsonObject, desired: JsonObject, options: ComparisonOptions): readonly Difference[] {
  const wanted = readEntries(desired)
  const found = readEntries(live)
  const accepted = options.accepted === null ? null : readEntries(options.accepted)
  const known = new Set(
    [...options.knownAuthorities.map(fingerprints), ...wanted.map(each => bundleFingerprints(each.caBundle))].flat(),
  )
  return [
    ...wanted.flatMap(entry => {
      const other = found.find(each => each.name === entry.name)
      if (other === undefined) return [weakened(`entry ${entry.name} is gone`)]
      const before = accepted === null ? null : accepted.find(each => each.name === entry.name)?.unknown
      return [
        ...targetDifferences(other, entry, known),
        ...strengthDifferences(other, entry),
        ...selectionDifferences(other, entry),
        ...unknownDifferences(other, before ?? null),
      ].map(each => ({ ...each, text: `entry ${entry.name}: ${each.text}` }))
    }),
    ...found
      .filter(entry => !wanted.some(each => each.name === entry.name))
      .map(({ name, target }) => redirected(`entry ${name} was added: it sends requests to ${target}`)),
  ]
}

function targetDifferences(live: Entry, desired: Entry, known: ReadonlySet<string>): readonly Difference[] {
  const differences: Difference[] = []
  if (live.target !== desired.target) differences.push(redirected(became('clientConfig', desired.target, live.target)))
  const trusted = bundleFingerprints(live.caBundle)
  const wanted = bundleFingerprints(desired.caBundle)
  const strangers = trusted.filter(each => !known.has(each))
  if (trusted.length === 0) {
    differences.push(redirected('caBundle has no certificate'))
  } else if (strangers.length > 0) {
    differences.push(redirected(`caBundle trusts an authority that is not ours (SHA-256 ${strangers.join(', ')})`))
  } else if (!isSameSet(trusted, wanted)) {
    differences.push(harmless('caBundle has other authorities of ours than it should'))
  }
  return differences
}

function strengthDifferences(live: Entry, desired: Entry): readonly Difference[] {
  const differences: Difference[] = []
  if (live.failurePolicy !== desired.failurePolicy) {
    const kind = desired.failurePolicy === 'Fail' ? weakened : harmless
    differences.push(kind(became('failurePolicy', desired.failurePolicy, live.failurePolicy)))
  }
  if (live.matchPolicy !== desired.matchPolicy) {
    differences.push(weakened(became('matchPolicy', desired.matchPolicy, live.matchPolicy)))
  }
  if (live.timeoutSeconds !== desired.timeoutSeconds) {
    const kind = live.timeoutSeconds < desired.timeoutSeconds ? weakened : harmless
    differences.push(kind(became('timeoutSeconds', desired.timeoutSeconds, live.timeoutSeconds)))
  }
  if (live.sideEffects !== desired.sideEffects) {
    differences.push(weakened(became('sideEffects', desired.sideEffects, live.sideEffects)))
  }
  const [versions, wanted] = [live.admissionReviewVersions.join(', '), desired.admissionReviewVersions.join(', ')]
  // The first one that the API server knows is sent.
  if (live.admissionReviewVersions[0] !== desired.admissionReviewVersions[0]) {
    differences.push(weakened(became('admissionReviewVersions', wanted, versions)))
  } else if (versions !== wanted) {
    differences.push(harmless(became('admissionReviewVersions', wanted, versions)))
  }
  return differences
}

function selectionDifferences(live: Entry, desired: Entry): readonly Difference[] {
  const differences: Difference[] = []
  for (const member of ['namespaceSelector', 'objectSelector'] as const) {
    if (live[member] === desired[member]) continue
    const kind = selectsAsMuch(live[member], desired[member]) ? harmless : weakened
    differences.push(kind(became(member, desired[member], live[member])))
  }
  const lost = uncovered(desired, live)
  if (lost.length > 0) differences.push(weakened(`the rules leave out ${listed(lost)}`))
  const more = uncovered(live, desired)
  if (more.length > 0) differences.push(harmless(`the rules match more: ${listed(more)}`))
  const conditions = new Map(desired.matchConditions.map(each => [each.expression, each.name]))
  for (const { name, expression } of live.matchConditions) {
    if (!conditions.delete(expression)) differences.push(weakened(`matchCondition ${name} is not ours: ${expression}`))
  }
  for (const name of conditions.values()) differences.push(harmless(`matchCondition ${name} is gone`))
  return differences
}

function unknownDifferences({ unknown }: Entry, before: readonly string[] | null): readonly Difference[] {
  return unknown
    .filter(each => before?.includes(each) !== true)
    .map(each => {
      // A newer API server may fill in members that this version has not heard of; it does so at once when we write.
      const difference = `${each} is not known to this version`
      return { ...(before === null ? harmless(difference) : weakened(difference)), isBeyondSeal: true }
    })
}

/** Whether the first selector (canonical JSON) lets through all that the second does, as far as selectors go that we write. */
function selectsAsMuch(selector: string, desired: string): boolean {
  if (selector === '{}') return true
  const [values, wanted] = [excludedNames(selector), excludedNames(desired)]
  return values !== null && wanted !== null && values.every(each => wanted.includes(each))
}

/** The values of a selector that is nothing but one NotIn over names of namespaces. */
function excludedNames(selector: string): readonly unknown[] | null {
  const { matchExpressions, ...others } = parseJson(selector) as JsonObject
  const [expression, ...more] = Array.isArray(matchExpressions) ? matchExpressions : []
  if (!isJsonObject(expression) || more.length > 0 || Object.keys(others).length > 0) return null
  const { key, operator, values } = expression
  return key === 'kubernetes.io/metadata.name' && operator === 'NotIn' && Array.isArray(values) ? values : null
}

/** What the rules of one entry match one by one, as sentences, and those of another do not. */
function uncovered(entry: Entry, by: Entry): readonly string[] {
  const others = ruleAtoms(by)
  return ruleAtoms(entry)
    .filter(atom => !others.some(other => atomCovers(other, atom)))
    .map(({ operation, resource, group, version, scope }) => {
      const where = `${group === '' ? 'the core group' : `group ${group}`}${version === '*' ? '' : ` ${version}`}`
      return `${operation} of ${resource} in ${where} (${scope})`
    })
}

interface RuleAtom {
  readonly group: string
  readonly version: string
  readonly operation: string
  readonly resource: string
  readonly scope: string
}

function ruleAtoms({ rules }: Entry): readonly RuleAtom[] {
  return rules.flatMap(rule => {
    const scopes = rule.scope === '*' ? ['Cluster', 'Namespaced'] : [rule.scope]
    const operations = rule.operations.includes('*') ? ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] : rule.operations
    return rule.apiGroups.flatMap(group =>
      rule.apiVersions.flatMap(version =>
        operations.flatMap(operation =>
          rule.resources.flatMap(resource => scopes.map(scope => ({ group, version, operation, resource, scope }))),
        ),
      ),
    )
  })
}

function atomCovers(wider: RuleAtom, narrower: RuleAtom): boolean {
  return (
    wider.operation === narrower.operation &&
    wider.scope === narrower.scope &&
    (wider.group === '*' || wider.group === narrower.group) &&
    (wider.version === '*' || wider.version === narrower.version) &&
    resourceCovers(wider.resource, narrower.resource)
  )
}

const MAX_LISTED = 5

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, MAX_LISTED).join(', ')
  return texts.length > MAX_LISTED ? `${shown} and ${texts.length - MAX_LISTED} more` : shown
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.every(each => b.includes(each)) && b.every(each => a.includes(each))
}

function became(member: string, before: string | number, after: string | number): string {
  return `${member} ${before} became ${after === '' ? 'empty' : after}`
}

function weakened(text: string): Difference {
  return { kind: 'weakened', text }
}

function redirected(text: string): Difference {
  return { kind: 'redirected', text }
}

function harmless(text: string): Difference {
  return { kind: 'harmless', text }
}
