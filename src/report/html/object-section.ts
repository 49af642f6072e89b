import { actionAt } from '../../actions.js'
import type { Decision, Degraded, EnforcementAction, Risk, Violation } from '../../decision-types.js'
import { hideSecrets } from '../../hide-secrets.js'
import type { JsonObject } from '../../json.js'
import { benignShare } from '../waterfall-steps.js'
import { isSaidOnce, operationText, placeText, resourceText } from '../text.js'
import { changedPlaces } from './changed-places.js'
import { markup, type Html } from './escape.js'
import { manifestView, type Mark } from './manifest-view.js'
import { waterfall } from './waterfall.js'

/** The object that a Decision is about; null where there is none to show. */
export interface JudgedObject {
  readonly object: JsonObject | null
  readonly oldObject: JsonObject | null
}

export const VERDICTS = { deny: 'DENIED', warn: 'ALLOWED WITH WARNINGS', allow: 'ALLOWED' } as const
const ORDER: Readonly<Record<EnforcementAction, number>> = { deny: 0, warn: 1, dryrun: 2 }

/** All that is to be said of one object: the verdict, what is wrong and what mends it, the risk, and where that stands. */
export function objectSection(decision: Decision, { object, oldObject }: JudgedObject): Html {
  const { action, resource, risk } = decision
  const violations = decision.violations
    .map(violation => ({ violation, action: actionAt(violation, decision.gate) }))
    .sort((a, b) => ORDER[a.action] - ORDER[b.action])
  const shown = object ?? oldObject
  const marks = [
    ...violations.map(({ violation, action: kind }): Mark => ({ path: violation.path, kind, text: violation.policy })),
    ...(risk?.contributions ?? [])
      .filter(({ contribution }) => contribution > 0)
      .flatMap(({ paths, text }) => paths.map((path): Mark => ({ path, kind: 'risk', text }))),
    // Of what is hidden, nothing shows.
    ...(object !== null && oldObject !== null ? changedPlaces(hideSecrets(oldObject), hideSecrets(object)) : []),
  ]
  return markup`<section class="${action}">
    <header>
      <h2>${resourceText(resource)}</h2>
      <span class="dim">${placeText(resource)}</span><span class="verdict ${action}">${VERDICTS[action]}</span>
    </header>
    ${
      violations.length === 0
        ? markup``
        : markup`<ul class="violations">
            ${violations.map(each => violationItem(each.violation, each.action))}
          </ul>`
    }
    ${risk === null ? markup`` : riskPart(risk)} ${standing(decision)}
    ${
      shown === null
        ? markup``
        : markup`<h3>${object === null ? 'what is deleted' : 'where it stands'}</h3>
            ${manifestView(shown, marks)}`
    }
    <p class="dim"><code>${decision.id}</code></p>
  </section> `
}

const NOTES: Readonly<Record<EnforcementAction, string>> = { deny: '', warn: 'warning', dryrun: 'dry run' }

function violationItem(
  { policy, severity, message, path, existing, remedy, controls, docs }: Violation,
  action: EnforcementAction,
): Html {
  const notes = [NOTES[action], existing ? 'not new' : '', ...controls].filter(note => note !== '').join(' · ')
  const name = docs.startsWith('https://') ? markup`<a href="${docs}">${policy}</a>` : markup`${policy}`
  const patch = remedy?.patch ?? []
  return markup`<li>
    <b class="${action}">${name}</b><span class="severity ${action}">${severity}</span>${message}
    <span class="dim">${path}${notes === '' ? '' : ` (${notes})`}</span>
    ${remedy === undefined ? markup`` : markup`<div class="fix">${remedy.text}</div>`}
    ${patch.length === 0 ? markup`` : markup`<pre class="patch">${patch.map(operationText).join('\n')}</pre>`}
  </li> `
}

function riskPart(risk: Risk): Html {
  const { score, band, kind, threshold, pValue, object, model } = risk
  const place = (value: number): string => (Math.min(1, Math.max(0, value)) * 100).toFixed(1)
  const whole = object === undefined ? '' : `; the object as it stands: ${object.score.toFixed(3)}`
  return markup`<h3>risk of the ${kind}: ${score.toFixed(3)}, ${band}${whole}</h3>
    <div class="meter" role="img" aria-label="score ${score.toFixed(3)}, threshold ${threshold.toFixed(3)}">
      <em style="left:${place(threshold)}%"></em><span style="left:${place(score)}%"></span>
    </div>
    <p class="dim">Of harmless ones of this kind ${benignShare(pValue)} score as high (model ${model.version}).</p>
    ${waterfall(risk)}`
}

/** What people have said of it, and what could not be known. */
function standing(decision: Decision): Html {
  const lines = [
    ...decision.exceptions.map(({ name, policies, state, reason, notAfter }) =>
      state === 'applied'
        ? `exception ${name} for ${policies.join(', ')} until ${notAfter}: ${reason}`
        : `exception ${name} for ${policies.join(', ')} is ${state} and ignored: ${reason}`,
    ),
    ...decision.approvals.map(
      ({ name, by, reason, notAfter }) => `approved by ${by} until ${notAfter} (${name}: ${reason})`,
    ),
    ...decision.holds.map(({ name, by, reason, notAfter }) => `held by ${by} until ${notAfter} (${name}: ${reason})`),
    ...decision.degraded.filter(each => !isSaidOnce(each)).map(degradedText),
  ]
  return markup`${lines.map(line => markup`<p class="dim">${line}</p>`)}`
}

function degradedText({ code, policy, text }: Degraded): string {
  return `${policy === undefined ? '' : `${policy}: `}${text} (${code})`
}
