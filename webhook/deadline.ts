/** What a request may take where its URL names no time: the API server's default is 10 s. */
const DEFAULT_TIMEOUT_MS = 10_000
/** The API server allows 30 s at most. */
const MAX_TIMEOUT_MS = 30_000
/** Time for the answer to travel, and for a busy API server to read it. */
const MARGIN_FRACTION = 0.1
const MIN_MARGIN_MS = 100

const UNITS_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 1e-6,
}

/**
 * How long the answer to a review may take: the API server's `?timeout=` (a Go duration such as `5s` or `1m30s`) minus a
 * margin. What is absent or cannot be read counts as the API server's default.
 *
 * @returns milliseconds, positive
 */
export function answerTimeMs(timeout: unknown): number {
  const givenMs = typeof timeout === 'string' ? durationMs(timeout) : null
  const timeoutMs = Math.min(givenMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS)
  const marginMs = Math.max(timeoutMs * MARGIN_FRACTION, MIN_MARGIN_MS)
  return Math.max(timeoutMs - marginMs, timeoutMs / 2)
}

/** null for what is no positive Go duration. */
function durationMs(text: string): number | null {
  if (text.length > 32 || !/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return null
  let sum = 0
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) {
    sum += Number(number) * (UNITS_MS[unit] ?? 0)
  }
  return sum > 0 ? sum : null
}
