import type { Logger } from '../../src/io/log.js'
import type { CertificateMaterial } from '../../src/io/certificates/material.js'

const DAY_MS = 86_400_000
const WARN_BEFORE_MS = 30 * DAY_MS

/** How long the leaf and its authority hold; negative where they have ended. */
export interface SecondsUntilExpiry {
  readonly leaf: number
  readonly authority: number
}

/** @param now milliseconds since 1970 */
export function secondsUntilExpiry(material: CertificateMaterial, now: number): SecondsUntilExpiry {
  const { notAfter, authorityNotAfter } = material
  return { leaf: (notAfter.getTime() - now) / 1000, authority: (authorityNotAfter.getTime() - now) / 1000 }
}

/** Makes a check for now and then: it warns of what ends within thirty days, of each at most once a day. */
export function createExpiryWarning(log: Logger): (material: CertificateMaterial, now: number) => void {
  const warnedAt = new Map<string, number>()
  return (material, now) => {
    const ends = { 'the certificate': material.notAfter, 'the certificate authority': material.authorityNotAfter }
    for (const [what, notAfter] of Object.entries(ends)) {
      const leftMs = notAfter.getTime() - now
      if (leftMs >= WARN_BEFORE_MS || now - (warnedAt.get(what) ?? -Infinity) < DAY_MS) continue
      warnedAt.set(what, now)
      const message = leftMs > 0 ? `${what} ends within ${Math.ceil(leftMs / DAY_MS)} days` : `${what} has ended`
      log.warn(message, { notAfter: notAfter.toISOString() })
    }
  }
}
