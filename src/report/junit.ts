import { actionAt } from '../actions.js'
import type { Decision, GateName, SetError, SetViolation } from '../decision-types.js'
import { violationSentence, type Report } from './report.js'
import { errorText, resourceText } from './text.js'

/** The objects of one file. */
interface Suite {
  readonly cases: string[]
  failures: number
  errors: number
}

/**
 * A JUnit report: a suite for each file, a case for each object. A denied object is a failed case, warnings stand in its output.
 * The form has its totals in front, so nothing is written before the end.
 *
 * @see github.com/jenkinsci/xunit-plugin, junit-10.xsd
 */
export function createJunitReport(gate: GateName): Report {
  const suites = new Map<string, Suite>()
  const suiteOf = (file: string): Suite => {
    const suite = suites.get(file) ?? { cases: [], failures: 0, errors: 0 }
    suites.set(file, suite)
    return suite
  }

  return {
    decision(decision) {
      const suite = suiteOf(decision.resource.file ?? 'objects')
      if (decision.action === 'deny') suite.failures += 1
      suite.cases.push(caseOf(decision, gate))
      return ''
    },
    end({ violations, errors }) {
      for (const each of violations) {
        const suite = suiteOf('the whole set')
        if (actionAt(each, gate) === 'deny') suite.failures += 1
        suite.cases.push(setCase(each, gate))
      }
      for (const each of errors) {
        const suite = suiteOf(each.file ?? 'lockkeeper')
        suite.errors += 1
        suite.cases.push(errorCase(each))
      }
      const all = [...suites.values()]
      const total = {
        tests: sum(all, each => each.cases.length),
        failures: sum(all, each => each.failures),
        errors: sum(all, each => each.errors),
      }
      const texts = [...suites].map(([name, { cases, failures, errors: errored }]) =>
        element('testsuite', { name, tests: cases.length, failures, errors: errored }, `\n${cases.join('')}`),
      )
      return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', { name: 'lockkeeper', ...total }, `\n${texts.join('')}`)}`
    },
  }
}

function caseOf({ resource, violations, action, holds }: Decision, gate: GateName): string {
  const denials = violations.filter(each => actionAt(each, gate) === 'deny')
  const others = violations.filter(each => actionAt(each, gate) !== 'deny')
  const reasons = [
    ...denials.map(each => `[${each.policy}] ${violationSentence(each)}`),
    ...holds.map(({ name, by, reason }) => `[hold] held by ${by} (${name}: ${reason})`),
  ]
  const content = [
    action === 'deny' ? failure(reasons) : '',
    others.length === 0
      ? ''
      : element('system-out', {}, escape(others.map(each => `[${each.policy}] ${violationSentence(each)}`).join('\n'))),
  ].join('')
  return testCase(resourceText(resource), resource.file ?? 'objects', content)
}

function setCase(violation: SetViolation, gate: GateName): string {
  const text = `[${violation.policy}] ${violationSentence(violation)}`
  const content = actionAt(violation, gate) === 'deny' ? failure([text]) : element('system-out', {}, escape(text))
  return testCase(violation.policy, 'the whole set', content)
}

function errorCase(error: SetError): string {
  const content = element('error', { message: errorText(error), type: error.code }, '')
  return testCase(error.code, error.file ?? 'lockkeeper', content)
}

/** Readers show the message in their lists, and the text when a case is opened. */
function failure(reasons: readonly string[]): string {
  const [message = 'denied'] = reasons
  return element('failure', { message, type: 'denied' }, escape(reasons.join('\n')))
}

function testCase(name: string, classname: string, content: string): string {
  return element('testcase', { name, classname }, content)
}

function element(name: string, attributes: Readonly<Record<string, string | number>>, content: string): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`)
  return content === '' ? `<${name}${list.join('')}/>\n` : `<${name}${list.join('')}>${content}</${name}>\n`
}

/** XML has no way to write most control characters, escaped or not. */
function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(NOT_IN_XML, '\u{fffd}')
}

// XML 1.0, production 2; line feeds in attributes become spaces, which is as good.
// eslint-disable-next-line no-control-regex -- it is the characters that XML 1.0 leaves out
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0)
}
