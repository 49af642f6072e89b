import type { PeerCertificate, TLSSocket } from 'node:tls'

/** What a TLS connection shows of its caller. */
export interface Caller {
  /** Whether TLS found an authority for its certificate; also true for some who showed none, see `callerOf`. */
  readonly isAuthorized: boolean
  /** OpenSSL's word for why not. */
  readonly error: string
  /** null: no certificate, or one with no or more than one common name. */
  readonly commonName: string | null
  /** Milliseconds since 1970; null without a certificate. */
  readonly notBefore: number | null
  readonly notAfter: number | null
}

/** Whether somebody may call, or why not. */
export type CallerCheck =
  { readonly allowed: true; readonly name: string | null } | { readonly allowed: false; readonly reason: string }

/**
 * What is known of the caller on a socket of a server with `requestCert: true`, `rejectUnauthorized: false` and `ca`.
 *
 * A resumed TLS 1.3 session without a certificate counts as authorized for Node, so its dates are read as well.
 */
export function callerOf(socket: TLSSocket): Caller {
  // An object without members when there is none, other than its type says.
  const certificate: Partial<PeerCertificate> = socket.getPeerCertificate()
  const commonName: unknown = certificate.subject?.CN
  return {
    isAuthorized: socket.authorized,
    error: errorCode(socket.authorizationError),
    commonName: typeof commonName === 'string' ? commonName : null,
    notBefore: timeOf(certificate.valid_from),
    notAfter: timeOf(certificate.valid_to),
  }
}

/**
 * Decides by the client certificate alone, before anything is read of a request.
 *
 * @param names common names that may call; empty: everybody whom the authority gave a certificate
 * @param now milliseconds since 1970: connections are kept longer than a certificate may hold
 */
export function checkCaller(caller: Caller, { names, now }: { names: readonly string[]; now: number }): CallerCheck {
  const { isAuthorized, error, commonName, notBefore, notAfter } = caller
  if (notBefore === null || notAfter === null) return { allowed: false, reason: 'no client certificate was shown' }
  if (!isAuthorized) return { allowed: false, reason: `the client certificate is not accepted: ${error}` }
  if (now < notBefore || now >= notAfter) {
    return { allowed: false, reason: 'the client certificate is not valid at this time' }
  }
  if (names.length > 0 && (commonName === null || !names.includes(commonName))) {
    return { allowed: false, reason: 'the common name of the client certificate is not among those that may call' }
  }
  return { allowed: true, name: commonName }
}

/** A text in the types; an Error or a text in fact. */
function errorCode(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message
  return typeof error === 'string' ? error : 'unknown'
}

function timeOf(text: string | undefined): number | null {
  const time = Date.parse(text ?? '')
  return Number.isFinite(time) ? time : null
}
