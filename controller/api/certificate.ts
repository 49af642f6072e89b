import { createPrivateKey, X509Certificate } from 'node:crypto'
import { GateError, thrownText } from '../../src/errors.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import { readFileBytes } from '../../src/io/files.js'
import type { Logger } from '../../src/io/log.js'

/** A certificate with its key, PEM, as node:tls takes them. */
export interface ApiCertificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

const MAX_BYTES = 1024 * 1024
const POLL_MS = 10_000

/** Reads a pair. @throws GateError FILE_UNREADABLE, or CONFIG_INVALID when the two do not fit together */
export async function loadCertificate({ certFile, keyFile }: CertificateFiles): Promise<ApiCertificate> {
  const read = async (file: string) => Buffer.from(await readFileBytes(file, MAX_BYTES)).toString('utf8')
  const [cert, key] = await Promise.all([read(certFile), read(keyFile)])
  let fits: boolean
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new GateError('CONFIG_INVALID', `${certFile}, ${keyFile}: are no certificate and key in PEM`, { cause })
  }
  if (fits) return { cert, key }
  throw new GateError('CONFIG_INVALID', `${keyFile}: is not the key of ${certFile}`)
}

/**
 * Reads a pair again and again until the signal is aborted, and says when it has changed. What cannot be used is logged once;
 * the last good pair stays. The content is compared: a mounted Secret changes by a symbolic link and tells no watcher.
 */
export async function watchCertificate(
  files: CertificateFiles,
  first: ApiCertificate,
  options: {
    readonly clock: Clock
    readonly log: Logger
    readonly signal: AbortSignal
    readonly onChange: (certificate: ApiCertificate) => void
  },
): Promise<void> {
  const { clock, log, signal, onChange } = options
  let present = first
  let refused = ''
  for (;;) {
    await clock.wait(POLL_MS, signal)
    if (signal.aborted) return
    try {
      const next = await loadCertificate(files)
      refused = ''
      if (next.cert === present.cert && next.key === present.key) continue
      present = next
      onChange(next)
      log.info('the certificate was changed', { file: files.certFile })
    } catch (thrown) {
      const error = thrownText(thrown)
      if (error !== refused) log.warn('the certificate stays what it was', { file: files.certFile, error })
      refused = error
    }
  }
}
