import type { Clock } from './clock.js'

/** What a connection to the API server needs besides its address; secret. */
export interface Credentials {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** The name in the certificate, where it is not the host. */
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
  /** Authorization, and whom to impersonate. */
  readonly headers: Readonly<Record<string, string>>
}

/** Where an API server is, and how it is told who calls. */
export interface ClusterConnection {
  readonly host: string
  readonly port: number
  /** What stands before `/api`; '' mostly. */
  readonly basePath: string
  /** Read anew when older than a minute, or when `renew` says that the server refused the last ones. */
  credentials(renew?: boolean): Promise<Credentials>
}

/** A projected token is replaced long before it ends (at 80 % of its life), so a minute more is no risk. */
const MAX_AGE_MS = 60_000

/** Loads when there is nothing, when it is old, and when asked to; several who wait share one load. */
export function keptCredentials(
  load: (renew: boolean) => Promise<Credentials>,
  clock: Clock,
): ClusterConnection['credentials'] {
  let last: { readonly atMs: number; readonly value: Credentials } | null = null
  let loading: Promise<Credentials> | null = null
  const loadOnce = async (renew: boolean) => {
    try {
      const value = await load(renew)
      last = { atMs: clock.monotonicMs(), value }
      return value
    } finally {
      loading = null
    }
  }
  return async (renew = false) => {
    if (!renew && last !== null && clock.monotonicMs() - last.atMs < MAX_AGE_MS) return last.value
    loading ??= loadOnce(renew)
    return loading
  }
}
