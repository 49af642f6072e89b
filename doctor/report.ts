import type { Paint } from '../src/report/paint.js'
import { safeLines, safeText } from '../src/report/safe-text.js'
import { type Area, type Finding, type Level, sortFindings, summarize } from './finding.js'

const TITLES: Readonly<Record<Area, string>> = {
  registration: 'Registration: is the gate asked, and heeded?',
  coverage: 'Coverage: what is sent to it, and what is not?',
  certificate: 'Certificate',
  replicas: 'Replicas',
  webhooks: 'Other webhooks',
  argocd: 'Argo CD',
  flux: 'Flux',
  cluster: 'The cluster',
  access: 'What could not be looked at',
  installation: 'This installation',
}
const AREAS = Object.keys(TITLES) as readonly Area[]
const SIGNS: Readonly<Record<Level, string>> = { error: '✗', warn: '!', info: 'i', ok: '✓' }
const LEVELS = Object.keys(SIGNS) as readonly Level[]
const INDENT = '      '

/** The findings as people read them: areas with the worst first, and in each the worst first. */
export function doctorText(findings: readonly Finding[], paint: Paint): string {
  const sorted = sortFindings(findings)
  const areas = areasOf(sorted)
  const sections = areas.map(area => {
    const lines = sorted.filter(each => areaOf(each) === area).flatMap(each => findingLines(each, paint))
    return `${paint.bold(TITLES[area])}\n${lines.map(line => `${line}\n`).join('')}`
  })
  const { error, warn, info, ok } = summarize(findings)
  const summary = `${counted(error, 'error')}, ${counted(warn, 'warning')}, ${counted(info, 'note')}, ${ok} fine`
  return `${sections.join('\n')}\n${error > 0 ? paint.red(summary) : warn > 0 ? paint.yellow(summary) : paint.green(summary)}\n`
}

function findingLines({ id, level, title, detail, fix }: Finding, paint: Paint): readonly string[] {
  const color = { error: paint.red, warn: paint.yellow, info: paint.cyan, ok: paint.green }[level]
  const more = level === 'ok' || detail === '' ? [] : [`${INDENT}${safeLines(detail, INDENT)}`]
  const steps = `${INDENT}${paint.bold('fix:')} ${safeLines(fix, `${INDENT}     `)}`
  return [
    `  ${color(SIGNS[level])} ${safeText(title)}  ${paint.dim(`[${id}]`)}`,
    ...more,
    ...(fix === '' ? [] : [steps]),
  ]
}

/** The findings as a program reads them: worst first, one object, the same bytes for the same findings. */
export function doctorJson(findings: readonly Finding[], version: string): string {
  return `${JSON.stringify({ version, summary: summarize(findings), findings: sortFindings(findings) }, null, 2)}\n`
}

/** The area of the worst finding first; where two are as bad, in the order of their titles. */
function areasOf(sorted: readonly Finding[]): readonly Area[] {
  const rank = (area: Area) => LEVELS.indexOf(sorted.find(each => areaOf(each) === area)?.level ?? 'ok')
  return AREAS.filter(area => sorted.some(each => areaOf(each) === area)).sort((a, b) => rank(a) - rank(b))
}

function areaOf({ id }: Finding): Area {
  return id.slice(0, id.indexOf('.')) as Area
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
