import { InvalidArgumentError } from 'commander'

const MAX_WORKERS = 256
const MAX_PORT = 65_535
const MAX_SECONDS = 86_400
const MAX_DAYS = 3_650

/** How many threads. */
export function wholeNumber(text: string): number {
  return within(text, 1, MAX_WORKERS)
}

/** A TCP port; 0 stands for a free one. */
export function portNumber(text: string): number {
  return within(text, 0, MAX_PORT)
}

/** A time in whole seconds, of a day at most. */
export function seconds(text: string): number {
  return within(text, 0, MAX_SECONDS)
}

/** A time in whole days, of ten years at most. */
export function days(text: string): number {
  return within(text, 1, MAX_DAYS)
}

/** Collects an option that may be given more than once. */
export function repeated(text: string, others: readonly string[]): readonly string[] {
  return [...others, text]
}

function within(text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** A moment. */
export function rfc3339(text: string): Date {
  const time = new Date(text)
  if (RFC_3339.test(text) && !Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError('It must be a time such as 2026-01-31T12:00:00Z.')
}
