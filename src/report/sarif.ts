import { createHash } from 'node:crypto'
import { actionAt } from '../actions.js'
import { cardAction } from '../decision.js'
import type {
  Decision,
  EnforcementAction,
  ExceptionUse,
  GateName,
  ResourceReference,
  SetError,
  SetViolation,
  Severity,
  Violation,
} from '../decision-types.js'
import type { PolicyCard } from '../policy/policy-types.js'
import { jsonText } from './json.js'
import { violationSentence, type Report, type ViolationLines } from './report.js'
import { safeText } from './safe-text.js'
import { errorText, resourceText } from './text.js'

const LEVELS: Readonly<Record<EnforcementAction, string>> = { deny: 'error', warn: 'warning', dryrun: 'note' }

/** What code scanning sorts by; the middles of the bands in which it shows critical, high, medium and low. */
const SECURITY_SEVERITY: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
}

/** What a SARIF log says of the program that wrote it. */
export interface SarifOptions {
  readonly cards: readonly PolicyCard[]
  /** The version of lockkeeper. */
  readonly version: string
  readonly gate: GateName
}

/**
 * A SARIF log: one run whose rules are the bundle's policies, a result for each violation.
 *
 * @see Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard
 */
export function createSarifReport({ cards, version, gate }: SarifOptions): Report {
  const indices = new Map(cards.map(({ id }, index) => [id, index]))
  const rules = cards.map(ruleOf)
  const driver = { name: 'lockkeeper', semanticVersion: version, rules }
  const opening = `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":${jsonText(driver)}},"columnKind":"utf16CodeUnits","results":[`
  let results = 0

  const text = (found: readonly object[]) =>
    found.map(each => `${(results += 1) === 1 ? opening : ','}\n${jsonText(each)}`).join('')
  const result = (
    { policy, ...violation }: Violation | SetViolation,
    resources: readonly ResourceReference[],
    line?: number,
  ) => ({
    ruleId: policy,
    ...(indices.has(policy) && { ruleIndex: indices.get(policy) }),
    level: LEVELS[actionAt(violation, gate)],
    message: { text: `${resources.map(resourceText).join(', ')}: ${violationSentence(violation)}` },
    locations: resources.map(resource => locationOf(resource, line)),
    partialFingerprints: { 'lockkeeperViolation/v1': fingerprint(policy, violation, resources) },
    ...('existing' in violation && violation.existing && { properties: { existing: true } }),
  })

  return {
    decision({ violations, resource, exceptions }: Decision, lines: () => ViolationLines) {
      return text(
        violations.map(each => ({
          ...result(each, [resource], lines().get(each.path)),
          ...suppressionsOf(each.policy, exceptions),
        })),
      )
    },
    end({ violations, errors, bundle, summary }) {
      const found = text(violations.map(each => result(each, each.objects)))
      const invocation = {
        executionSuccessful: errors.length === 0,
        ...(errors.length > 0 && { toolExecutionNotifications: errors.map(notificationOf) }),
      }
      const end = `"invocations":[${jsonText(invocation)}],"properties":${jsonText({ bundle, summary })}}]}\n`
      return `${found}${results === 0 ? opening : '\n'}],${end}`
    },
  }
}

function ruleOf(card: PolicyCard): object {
  const [rule = 'deny'] = card.rules
  return {
    id: card.id,
    shortDescription: { text: card.title },
    fullDescription: { text: card.description.trim().replaceAll(/\s*\n\s*/g, ' ') || card.title },
    ...(card.docs !== '' && { helpUri: card.docs }),
    defaultConfiguration: { level: LEVELS[cardAction(card, rule)] },
    properties: {
      tags: ['security', ...card.controls],
      'security-severity': SECURITY_SEVERITY[card.severity],
      'problem.severity': LEVELS[cardAction(card, rule)],
    },
  }
}

function locationOf(resource: ResourceReference, line = resource.line): object {
  const place = resource.file === undefined ? {} : { physicalLocation: physicalLocation(resource.file, line) }
  return { ...place, logicalLocations: [{ fullyQualifiedName: resourceText(resource), kind: 'resource' }] }
}

function physicalLocation(file: string, line = 1): object {
  return { artifactLocation: { uri: uriOf(file) }, region: { startLine: line } }
}

/** A relative reference stays one, so that it is found below the checkout wherever that is. */
function uriOf(file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return file.startsWith('/') ? `file://${path}` : path
}

/** The same violation in the next scan has the same one, wherever its lines have moved. */
function fingerprint(
  policy: string,
  { path, details }: Pick<Violation, 'path' | 'details'>,
  resources: readonly ResourceReference[],
): string {
  const objects = resources.map(({ apiVersion, kind, namespace, name }) => [apiVersion, kind, namespace ?? '', name])
  return createHash('sha256')
    .update(jsonText([policy, path, details, objects]))
    .digest('hex')
}

function suppressionsOf(policy: string, exceptions: readonly ExceptionUse[]): object {
  const applied = exceptions.filter(({ state, policies }) => state === 'applied' && policies.includes(policy))
  if (applied.length === 0) return {}
  const suppressions = applied.map(({ name, reason, notAfter }) => ({
    kind: 'external',
    status: 'accepted',
    justification: safeText(`exception ${name} until ${notAfter}: ${reason}`),
  }))
  return { suppressions }
}

function notificationOf(error: SetError): object {
  const locations = error.file === undefined ? [] : [{ physicalLocation: physicalLocation(error.file, error.line) }]
  return { level: 'error', message: { text: errorText(error) }, descriptor: { id: error.code }, locations }
}
