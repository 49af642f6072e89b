import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, issueLeaf } from '../../src/io/certificates/authority.js'
import { type CertificateMaterial, materialOf } from '../../src/io/certificates/material.js'

/**
 * A certificate for a webhook without a cluster, by an authority whose key is forgotten at once.
 *
 * @param hosts DNS names and IP addresses
 * @param now milliseconds since 1970
 */
export function createStandaloneCertificate(hosts: readonly string[], now: number): CertificateMaterial {
  const authority = createAuthority(now)
  return materialOf({ ...issueLeaf(authority, hosts, now), caBundle: authority.cert })
}

/** A file with the authority that callers have to trust. */
export interface AuthorityFile {
  readonly path: string
  remove(): Promise<void>
}

/** Writes what callers have to trust to a temporary directory, for everybody to read. */
export async function writeAuthorityFile({ caBundle }: CertificateMaterial): Promise<AuthorityFile> {
  const directory = await mkdtemp(join(tmpdir(), 'lockkeeper-'))
  const path = join(directory, 'ca.crt')
  await writeFile(path, caBundle)
  // Whatever the umask is: an authority's certificate is no secret.
  await chmod(path, 0o644)
  await chmod(directory, 0o755)
  return { path, remove: () => rm(directory, { recursive: true, force: true }) }
}
