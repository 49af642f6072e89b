import type { Action, Decision } from '../decision-types.js'
import type { Paint } from './paint.js'
import { safeText } from './safe-text.js'
import { resourceText } from './text.js'

/** What a change does to one object, with the verdict on it. */
export interface ChangedObject {
  readonly change: 'created' | 'updated' | 'deleted' | 'unchanged'
  readonly decision: Decision
}

/** What a comparison has to tell before its findings. */
export interface DiffHead {
  /** What was compared with, in words. */
  readonly base: string
  readonly action: Action
  readonly hasErrors: boolean
  readonly objects: readonly ChangedObject[]
}

const CHANGES = ['created', 'updated', 'deleted', 'unchanged'] as const
const SIGNS = { created: '+', updated: '~', deleted: '-' } as const
const MAX_LISTED = 20

/** The verdict, how many objects the change touches, and which. */
export function diffHeadText({ base, action, hasErrors, objects }: DiffHead, paint: Paint, isVerbose: boolean): string {
  const count = (change: ChangedObject['change']): number => objects.filter(each => each.change === change).length
  const changed = objects.flatMap(({ change, decision }) =>
    change === 'unchanged' ? [] : [`  ${SIGNS[change]} ${resourceText(decision.resource)}`],
  )
  const shown = isVerbose ? changed : changed.slice(0, MAX_LISTED)
  const more = changed.length - shown.length
  return [
    `${verdict(action, hasErrors, paint)} ${paint.dim(safeText(`compared with ${base}`))}`,
    CHANGES.map(change => `${count(change)} ${change}`).join(', '),
    ...shown,
    ...(more > 0 ? [`  … and ${more} more (--verbose lists them)`] : []),
    '',
  ]
    .map(line => `${line}\n`)
    .join('')
}

/** Who gains what by the change, for people; '' where nobody does. */
export function gainsText(lines: readonly string[], paint: Paint): string {
  if (lines.length === 0) return ''
  return ['', paint.bold('Who gains what'), ...lines.map(line => `  ${paint.yellow('→')} ${line}`)]
    .map(line => `${line}\n`)
    .join('')
}

function verdict(action: Action, hasErrors: boolean, paint: Paint): string {
  if (hasErrors) return paint.bold(paint.red('✗ NOT JUDGED: something could not be read or judged,'))
  if (action === 'deny') return paint.bold(paint.red('✗ DENIED'))
  return action === 'warn' ? paint.yellow('! ALLOWED WITH WARNINGS') : paint.green('✓ ALLOWED')
}
