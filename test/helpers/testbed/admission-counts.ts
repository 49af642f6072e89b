import type { ControlPlane } from './control-plane.js'

/** What the API server itself counts of its calls of admission webhooks, since it was started. */
export interface AdmissionCounts {
  readonly calls: number
  /** Calls that were answered with neither yes nor no, by what the API server says of them. */
  readonly failed: Readonly<Record<string, number>>
}

/** Reads the counters from /metrics. */
export async function admissionCounts({ admin }: ControlPlane): Promise<AdmissionCounts> {
  const { status, text } = await admin.request('GET', '/metrics')
  if (status !== 200) throw new Error(`/metrics: HTTP ${status}`)
  let calls = 0
  const failed: Record<string, number> = {}
  const fail = (what: string, count: number) => (failed[what] = (failed[what] ?? 0) + count)
  for (const [, name, labels = '', value] of text.matchAll(/^apiserver_admission_webhook_(\w+)\{(.*)\} (\S+)$/gm)) {
    const count = Number(value)
    const label = (key: string): string => new RegExp(`(?:^|,)${key}="([^"]*)"`).exec(labels)?.[1] ?? ''
    if (name === 'request_total') {
      calls += count
      const code = label('code')
      if (!/^2..$/.test(code) && code !== '403') fail(`code ${code} from ${label('name')}`, count)
    } else if (name === 'rejection_count' && label('error_type') !== 'no_error') {
      fail(`${label('error_type')} from ${label('name')}`, count)
    } else if (name === 'fail_open_count') fail(`fail open of ${label('name')}`, count)
  }
  return { calls, failed }
}

/** What was counted between the two. */
export function countedBetween(before: AdmissionCounts, after: AdmissionCounts): AdmissionCounts {
  const failed = Object.entries(after.failed).map(
    ([what, count]) => [what, count - (before.failed[what] ?? 0)] as const,
  )
  return {
    calls: after.calls - before.calls,
    failed: Object.fromEntries(failed.filter(([, count]) => count !== 0)),
  }
}
