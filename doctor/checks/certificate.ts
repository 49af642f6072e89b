import { X509Certificate } from 'node:crypto'
import { quoted, repairCommands, restartCommand } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import type { LiveEntries } from '../live-entries.js'

const DAY_MS = 86_400_000
/** The gate renews before this; somebody else who renews mostly does, too. */
const SOON_DAYS = 30
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

const FILES = 'Where the certificate comes from files (--tls-cert), have it renewed there instead.'
/** More than anybody has. */
const MAX_CHAIN = 8

/** While a gate still answers, and when none can. */
interface Fixes {
  readonly warn: string
  readonly error: string
}

/** Whether the API server trusts what the gate shows, and for how long. */
export function checkCertificate(facts: ClusterFacts, live: LiveEntries | null): readonly Finding[] {
  const { gate, looks, nowMs } = facts
  if (live === null) return []
  const remake = [
    `kubectl -n ${quoted(gate.namespace)} delete secret ${quoted(gate.certificateSecret)}`,
    restartCommand(gate.namespace),
    FILES,
  ]
  const fixes: Fixes = { warn: remake.join('\n'), error: repairCommands(gate.configurationName, remake) }
  // An entry that is not ours sends to somebody else, whose certificate is theirs.
  const own = live.entries.filter(({ desired }) => desired !== null)
  const bundles = (own.length > 0 ? own : live.entries).map(({ entry }) => ({
    name: entry.name,
    authorities: readCertificates(entry.caBundle),
  }))
  const dead = bundles.filter(({ authorities }) => !authorities.some(each => isValid(each, nowMs)))
  if (dead.length > 0) {
    return [
      {
        id: 'certificate.authority',
        level: 'error',
        title: `The API server trusts no valid certificate authority for ${dead.map(each => each.name).join(', ')}`,
        detail: dead.map(({ name, authorities }) => `${name}: ${deadText(authorities, nowMs)}`).join('\n'),
        fix: fixes.error,
      },
    ]
  }
  const ends = Math.min(...bundles.map(({ authorities }) => lastEnd(authorities)))
  const authority = ageFinding('certificate.authority', 'The certificate authority in caBundle', ends, nowMs, fixes)
  const leaf = looks.leaf.seen
  if (leaf === undefined) return [authority]
  return [authority, ...checkLeaf(leaf, bundles, facts, fixes)]
}

function checkLeaf(
  pem: string | null,
  bundles: readonly { readonly name: string; readonly authorities: readonly X509Certificate[] }[],
  { gate, nowMs }: ClusterFacts,
  fixes: Fixes,
): readonly Finding[] {
  const secret = `Secret ${gate.namespace}/${gate.certificateSecret}`
  const [leaf, ...chain] = pem === null ? [] : certificatesIn(pem)
  if (leaf === undefined) {
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
  const distrusting = bundles.filter(({ authorities }) => !isTrusted([leaf, ...chain], authorities))
  if (distrusting.length > 0) {
    return [
      {
        id: 'certificate.leaf',
        level: 'error',
        title: `The API server does not trust the certificate that the gate shows (${distrusting.map(each => each.name).join(', ')})`,
        detail: `${leaf.issuer.replaceAll('\n', ', ')} signed the one in the ${secret}, and caBundle does not have it: every call fails.`,
        fix: repairCommands(gate.configurationName, [restartCommand(gate.namespace)]),
      },
    ]
  }
  return [ageFinding('certificate.leaf', 'The certificate that the gate shows', Date.parse(leaf.validTo), nowMs, fixes)]
}

function ageFinding(id: Finding['id'], what: string, endsMs: number, nowMs: number, fixes: Fixes): Finding {
  const days = Math.floor((endsMs - nowMs) / DAY_MS)
  const isOver = endsMs <= nowMs
  const level = isOver ? 'error' : days < SOON_DAYS ? 'warn' : 'ok'
  const title = isOver ? `${what} ended ${dateText(endsMs)}` : `${what} holds until ${dateText(endsMs)} (${days} days)`
  const detail = level === 'ok' ? '' : 'It is renewed before that as long as a gate runs: something keeps it from that.'
  return { id, level, title, detail, fix: level === 'ok' ? '' : fixes[level] }
}

/** The certificates of a `caBundle`, which is PEM in base64; what cannot be read is left out, as the API server does. */
function readCertificates(caBundle: string): readonly X509Certificate[] {
  return certificatesIn(Buffer.from(caBundle, 'base64').toString('utf8'))
}

function certificatesIn(text: string): readonly X509Certificate[] {
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

/** Whether an authority signed the first certificate, or one of the others that lead to it. */
function isTrusted(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  let [current] = chain
  for (let length = 0; current !== undefined && length < MAX_CHAIN; length += 1) {
    const signed = current
    if (authorities.some(each => isSignedBy(signed, each))) return true
    current = chain.find(each => each !== signed && isSignedBy(signed, each))
  }
  return false
}

function isSignedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
}

function deadText(authorities: readonly X509Certificate[], nowMs: number): string {
  if (authorities.length === 0) return 'caBundle has no certificate'
  const endMs = lastEnd(authorities)
  return endMs <= nowMs ? `caBundle ended ${dateText(endMs)}` : 'caBundle is not valid yet'
}

function lastEnd(authorities: readonly X509Certificate[]): number {
  return Math.max(...authorities.map(each => Date.parse(each.validTo)))
}

function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
