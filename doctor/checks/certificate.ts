import { X509Certificate } from 'node:crypto'
import { restartCommand } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { liveEntries } from '../live-entries.js'

const DAY_MS = 86_400_000
/** The gate renews before this; somebody else who renews mostly does, too. */
const SOON_DAYS = 30
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Whether the API server trusts what the gate shows, and for how long. */
export function checkCertificate(facts: ClusterFacts): readonly Finding[] {
  const { gate, looks, nowMs } = facts
  const live = liveEntries(facts)
  if (live === null) return []
  const remake =
    `kubectl -n ${gate.namespace} delete secret ${gate.certificateSecret}\n${restartCommand(gate.namespace)}\n` +
    'Where the certificate comes from files (--tls-cert), have it renewed there instead.'
  const bundles = live.entries.map(({ entry }) => ({ name: entry.name, authorities: readCertificates(entry.caBundle) }))
  const dead = bundles.filter(({ authorities }) => !authorities.some(each => isValid(each, nowMs)))
  if (dead.length > 0) {
    return [
      {
        id: 'certificate.authority',
        level: 'error',
        title: `The API server trusts no valid certificate authority for ${dead.map(each => each.name).join(', ')}`,
        detail: dead
          .map(
            ({ name, authorities }) =>
              `${name}: ${authorities.length === 0 ? 'caBundle has no certificate' : `caBundle ended ${dateText(lastEnd(authorities))}`}`,
          )
          .join('\n'),
        fix: remake,
      },
    ]
  }
  const ends = Math.min(...bundles.map(({ authorities }) => lastEnd(authorities)))
  const authority = ageFinding('certificate.authority', 'The certificate authority in caBundle', ends, nowMs, remake)
  const leaf = looks.leaf.seen
  if (leaf === undefined) return [authority]
  return [authority, ...checkLeaf(leaf, bundles, facts, remake)]
}

function checkLeaf(
  pem: string | null,
  bundles: readonly { readonly name: string; readonly authorities: readonly X509Certificate[] }[],
  { gate, nowMs }: ClusterFacts,
  remake: string,
): readonly Finding[] {
  const secret = `Secret ${gate.namespace}/${gate.certificateSecret}`
  const leaf = pem === null ? null : parseCertificate(pem)
  if (leaf === null) {
    return [
      {
        id: 'certificate.leaf',
        level: 'warn',
        title: pem === null ? `There is no ${secret}` : `The ${secret} has no certificate that can be read`,
        detail:
          'What the gate shows to the API server cannot be seen here. That is right where it comes from files (--tls-cert).',
        fix: `${restartCommand(gate.namespace)}\nWhere the Secret has another name, say it with --certificate-secret.`,
      },
    ]
  }
  const distrusting = bundles.filter(({ authorities }) => !authorities.some(each => isSignedBy(leaf, each)))
  if (distrusting.length > 0) {
    return [
      {
        id: 'certificate.leaf',
        level: 'error',
        title: `The API server does not trust the certificate that the gate shows (${distrusting.map(each => each.name).join(', ')})`,
        detail: `${leaf.issuer.replaceAll('\n', ', ')} signed the one in the ${secret}, and caBundle does not have it: every call fails.`,
        fix: restartCommand(gate.namespace),
      },
    ]
  }
  return [
    ageFinding('certificate.leaf', 'The certificate that the gate shows', Date.parse(leaf.validTo), nowMs, remake),
  ]
}

function ageFinding(id: Finding['id'], what: string, endsMs: number, nowMs: number, fix: string): Finding {
  const days = Math.floor((endsMs - nowMs) / DAY_MS)
  const isOver = endsMs <= nowMs
  const level = isOver ? 'error' : days < SOON_DAYS ? 'warn' : 'ok'
  const title = isOver ? `${what} ended ${dateText(endsMs)}` : `${what} holds until ${dateText(endsMs)} (${days} days)`
  const detail = level === 'ok' ? '' : 'It is renewed before that as long as a gate runs: something keeps it from that.'
  return { id, level, title, detail, fix: level === 'ok' ? '' : fix }
}

/** The certificates of a `caBundle`, which is PEM in base64; what cannot be read is left out, as the API server does. */
function readCertificates(caBundle: string): readonly X509Certificate[] {
  const text = Buffer.from(caBundle, 'base64').toString('utf8')
  return [...text.matchAll(CERTIFICATE)].flatMap(([pem]) => parseCertificate(pem) ?? [])
}

function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem)
  } catch {
    return null
  }
}

function isValid(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo)
}

function isSignedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
}

function lastEnd(authorities: readonly X509Certificate[]): number {
  return Math.max(...authorities.map(each => Date.parse(each.validTo)))
}

function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
