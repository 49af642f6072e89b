import { createStandaloneCertificate, writeAuthorityFile, type AuthorityFile } from './certificates/standalone.js'
import type { Surroundings } from './surroundings.js'

/** Surroundings without a cluster: a certificate of its own, whose authority is in a file. */
export async function standAlone(
  hosts: readonly string[],
  now: number,
): Promise<{ readonly surroundings: Surroundings; readonly authority: AuthorityFile }> {
  const material = createStandaloneCertificate(hosts, now)
  const authority = await writeAuthorityFile(material)
  const surroundings: Surroundings = {
    certificates: {
      current: () => material,
      caBundle: () => material.caBundle,
      sealKey: () => null,
      published: () => undefined,
      refresh: () => Promise.resolve(),
      close: () => undefined,
    },
    onCertificate: () => undefined,
    known: Promise.resolve(),
    begin: () => undefined,
    bundleChanged: () => undefined,
    leave: () => Promise.resolve(),
    close: () => authority.remove(),
  }
  return { surroundings, authority }
}
