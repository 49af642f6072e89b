import type { X509Certificate } from 'node:crypto'
import { GateError, thrownText } from '../../errors.js'
import { readFileBytes } from '../files.js'
import type { Clock } from '../cluster/clock.js'
import type { Logger } from '../log.js'
import { isIssuedBy } from './authority.js'
import { type CertificateMaterial, type Certificates, materialOf } from './material.js'
import { certificatesIn, isValidAt, privateKeyOf } from './pem.js'

/** Certificate and key that somebody else renews, as cert-manager does in a mounted Secret. */
export interface CertificateFilesOptions {
  readonly certFile: string
  readonly keyFile: string
  /** undefined: `certFile` itself ends with the authority, or is signed by itself. */
  readonly caFile?: string
  readonly clock: Clock
  readonly pollMs?: number
  readonly log: Logger
  readonly signal: AbortSignal
  /** Takes what the files were changed to; not called for the first. */
  readonly onChange: (material: CertificateMaterial) => void
}

const POLL_MS = 10_000
const MAX_BYTES = 1024 * 1024

/**
 * Reads the files, and again and again whether they have changed. A pair that does not fit together is kept out: the last
 * good one stays. The content is compared, since a mounted Secret changes by a symbolic link and tells no watcher.
 *
 * @throws GateError FILE_UNREADABLE, or CONFIG_INVALID when the first pair cannot be used
 */
export async function createCertificateFiles(options: CertificateFilesOptions): Promise<Certificates> {
  const { clock, log, pollMs = POLL_MS, signal } = options
  const closing = new AbortController()
  const ended = AbortSignal.any([signal, closing.signal])
  let looking: Promise<void> | null = null
  let refused = ''
  let material = await load(options)
  warnOfTime(material, options)

  const look = async (): Promise<void> => {
    try {
      const latest = await load(options)
      refused = ''
      if (textOf(latest) === textOf(material)) return
      material = latest
      log.info('the certificate was changed', { file: options.certFile, notAfter: latest.notAfter.toISOString() })
      warnOfTime(latest, options)
      options.onChange(latest)
    } catch (error) {
      const text = thrownText(error)
      if (text !== refused) log.warn('the certificate stays what it was', { file: options.certFile, error: text })
      refused = text
    }
  }
  const refresh = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = null
    })
    return looking
  }
  const poll = async (): Promise<void> => {
    for (;;) {
      await clock.wait(pollMs, ended)
      if (ended.aborted) return
      await refresh()
    }
  }
  poll().catch((thrown: unknown) => {
    log.error('the certificate is no longer looked at', { file: options.certFile, error: thrownText(thrown) })
  })
  return {
    current: () => material,
    caBundle: () => material.caBundle,
    sealKey: () => null,
    // Whoever renews the files knows when their authority is trusted.
    published: () => undefined,
    refresh,
    close: () => {
      closing.abort()
    },
  }

  function warnOfTime({ cert }: CertificateMaterial, { certFile: file }: CertificateFilesOptions): void {
    const [leaf] = certificatesIn(cert)
    if (leaf === undefined || isValidAt(leaf, clock.date().getTime())) return
    log.warn('the certificate is not valid at this time', { file, notAfter: new Date(leaf.validTo).toISOString() })
  }
}

async function load({ certFile, keyFile, caFile }: CertificateFilesOptions): Promise<CertificateMaterial> {
  const read = async (file: string) => Buffer.from(await readFileBytes(file, MAX_BYTES)).toString('utf8')
  const [cert, key, ca] = await Promise.all([read(certFile), read(keyFile), caFile === undefined ? '' : read(caFile)])
  const chain = certificatesIn(cert)
  const [leaf] = chain
  if (leaf === undefined) throw invalid(certFile, 'holds no certificate')
  const privateKey = privateKeyOf(key)
  if (privateKey === null) throw invalid(keyFile, 'holds no private key')
  if (!leaf.checkPrivateKey(privateKey)) throw invalid(keyFile, `is not the key of ${certFile}`)
  const bundle = caFile === undefined ? [chain.at(-1) ?? leaf] : certificatesIn(ca)
  if (bundle.length === 0) throw invalid(caFile ?? certFile, 'holds no certificate')
  if (!isChain(chain, bundle)) throw invalid(certFile, `was not signed by ${caFile ?? 'the last certificate in it'}`)
  return materialOf({ cert, key, caBundle: bundle.map(each => each.toString()).join('') })
}

/** Whether each certificate was signed by the next one, and the last by one of the bundle or is itself in it. */
function isChain(chain: readonly X509Certificate[], bundle: readonly X509Certificate[]): boolean {
  return chain.some((_, index) => {
    const upTo = chain.slice(0, index + 1)
    const isLinked = upTo.every((each, i) => i === 0 || isIssuedBy(upTo[i - 1] ?? each, each))
    const last = upTo.at(-1)
    return isLinked && bundle.some(each => each.raw.equals(last?.raw ?? each.raw) || isIssuedBy(last ?? each, each))
  })
}

function textOf({ cert, key, caBundle }: CertificateMaterial): string {
  return `${cert}\n${key}\n${caBundle}`
}

function invalid(file: string, what: string): GateError {
  return new GateError('CONFIG_INVALID', `${file}: ${what}`, { position: { file } })
}
