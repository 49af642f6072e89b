import { createCertificateFiles } from '../../src/io/certificates/certificate-files.js'
import { createCertificates } from '../../src/io/certificates/certificates.js'
import { servedHosts } from '../../src/io/certificates/hosts.js'
import type { CertificateMaterial, Certificates } from '../../src/io/certificates/material.js'
import { createSecretWatch } from '../../src/io/certificates/secret-watch.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient } from '../../src/io/cluster/cluster-client.js'
import type { Logger } from '../../src/io/log.js'
import type { ApiCertificate } from '../options.js'

export interface ApiCertificateParts {
  readonly client: ClusterClient
  /** The controller's own: where the Secret is, and the Service. */
  readonly namespace: string
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly onChange: (material: CertificateMaterial) => void
}

/** A mounted ConfigMap with another authority gets to every node in about a minute and a half; a node may be away for a while. */
const SETTLE_MS = 600_000

/**
 * Opens what the API is served with: from files that somebody else renews, or from a Secret that all replicas share.
 *
 * @throws GateError when files or the Secret can be neither read nor made
 */
export function openCertificates(certificate: ApiCertificate, parts: ApiCertificateParts): Promise<Certificates> {
  const { client, namespace, clock, log, signal, onChange } = parts
  if ('certFile' in certificate) return createCertificateFiles({ ...certificate, clock, log, signal, onChange })
  const { secret: name } = certificate
  return createCertificates({
    client,
    namespace,
    name,
    hosts: servedHosts({ ...certificate, namespace }),
    settleMs: SETTLE_MS,
    clock,
    log,
    signal,
    watchSecret: createSecretWatch({ client, namespace, name, clock, log, signal }),
    onChange,
  })
}
