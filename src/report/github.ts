import { actionAt } from '../actions.js'
import type { EnforcementAction, GateName, ResourceReference, SetViolation, Violation } from '../decision-types.js'
import { violationSentence, type Report } from './report.js'
import { errorText, plural, resourceText } from './text.js'

const COMMANDS: Readonly<Record<EnforcementAction, string>> = { deny: 'error', warn: 'warning', dryrun: 'notice' }

/**
 * Workflow commands that GitHub Actions shows as annotations on the changed lines.
 *
 * @see docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of actions/toolkit, @actions/core 3.0
 */
export function createGithubReport(gate: GateName): Report {
  const line = (violation: Violation | SetViolation, resource: ResourceReference | undefined, at?: number) => {
    const title = resource === undefined ? violation.policy : `${violation.policy}: ${resourceText(resource)}`
    const place = { file: resource?.file, line: at ?? resource?.line }
    return command(COMMANDS[actionAt(violation, gate)], { ...place, title }, violationSentence(violation))
  }
  return {
    decision: ({ violations, resource }, lines) =>
      violations.map(each => line(each, resource, lines().get(each.path))).join(''),
    end({ violations, errors, summary }) {
      const found = violations.map(each => line(each, each.objects.at(-1)))
      const failed = errors.map(({ file, line, ...error }) =>
        command('error', { file, line, title: error.code }, errorText(error)),
      )
      const { judged, denied, warned } = summary
      const total = `lockkeeper: ${judged} judged, ${denied} denied, ${warned} allowed with warnings, ${plural(errors.length, 'error')}`
      return [...found, ...failed, `${total}\n`].join('')
    },
  }
}

function command(
  name: string,
  properties: Readonly<Record<string, string | number | undefined>>,
  message: string,
): string {
  const given = Object.entries(properties).filter(([, value]) => value !== undefined)
  const list = given.map(([key, value]) => `${key}=${escapeProperty(String(value))}`).join(',')
  return `::${name} ${list}::${escapeData(message)}\n`
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
