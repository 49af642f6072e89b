import { GATES, type Decision, type Risk } from '../decision-types.js'
import type { Paint } from './paint.js'
import { safeLines, safeText } from './safe-text.js'
import { decisionText } from './text.js'

/** One stored Decision for people: the block of a scan, then everything that a scan leaves out. */
export function explainText(decision: Decision, paint: Paint): string {
  const { provenance, bundle, actions, risk, anomaly } = decision
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
  if (risk !== null) lines.push(...modelLines(risk, paint))
  if (anomaly !== null)
    lines.push(
      `${paint.bold('unlike others')}  ${anomaly.score.toFixed(2)} of 1, as ${anomaly.of === 'object' ? 'an object' : 'a change'}`,
    )
  for (const { code, text } of decision.degraded) lines.push(paint.dim(`${code}: ${safeLines(text, '  ')}`))
  return decisionText(decision, paint, new Map(), true) + lines.map(line => `${line}\n`).join('')
}

/** What the model saw, by the names that it knows, and where. */
function modelLines({ kind, threshold, pValue, contributions, model, object }: Risk, paint: Paint): string[] {
  const facts = [
    `of the ${kind}`,
    `elevated from ${threshold.toFixed(2)}`,
    `p-value ${pValue.toPrecision(2)}`,
    ...(object === undefined ? [] : [`the object as it stands ${object.score.toFixed(2)}`]),
    `model ${model.version} ${model.digest.slice(0, 'sha256:'.length + 12)}`,
  ]
  const features = contributions.map(({ feature, value, contribution, paths }) => {
    const amount = `${contribution >= 0 ? '+' : '−'}${Math.abs(contribution).toFixed(2)}`
    return `  ${amount}  ${safeText([`${feature} = ${value}`, ...paths].join('  '))}`
  })
  return [`${paint.bold('risk')}           ${safeText(facts.join(', '))}`, ...features]
}
