import { GATES, type Decision } from '../decision-types.js'
import type { Paint } from './paint.js'
import { safeLines, safeText } from './safe-text.js'
import { decisionText } from './text.js'

/** One stored Decision for people: the block of a scan, then everything that a scan leaves out. */
export function explainText(decision: Decision, paint: Paint): string {
  const { provenance, bundle, actions, risk } = decision
  const lines = [
    '',
    `${paint.bold('at every gate')}  ${GATES.map(gate => `${gate} ${actions[gate]}`).join(', ')}`,
    `${paint.bold('judged at')}      ${decision.gate}`,
    `${paint.bold('provenance')}     ${safeText(provenance.class)} (${safeText(provenance.evidence.join(', ') || 'no evidence')})`,
    `${paint.bold('bundle')}         ${safeText(`${bundle.digest}, revision ${bundle.revision || 'none'}`)}`,
    `${paint.bold('id')}             ${safeText(decision.id)}`,
    `${paint.bold('subject')}        ${safeText(decision.subject)}`,
  ]
  if (decision.unchanged) lines.push('the object is unchanged: only what the API server owns differs from the old one')
  for (const { policy, controls, docs, path } of decision.violations) {
    const about = [path === '' ? '' : `at ${path}`, controls.join(', '), docs].filter(text => text !== '')
    if (about.length > 0) lines.push(`${paint.bold(safeText(policy))}: ${safeText(about.join(' · '))}`)
  }
  for (const { feature, contribution, text } of risk?.contributions ?? []) {
    lines.push(
      `risk ${contribution >= 0 ? '+' : ''}${contribution.toFixed(2)}  ${safeText(feature)}: ${safeText(text)}`,
    )
  }
  for (const { code, text } of decision.degraded) lines.push(paint.dim(`${code}: ${safeLines(text, '  ')}`))
  return decisionText(decision, paint) + lines.map(line => `${line}\n`).join('')
}
