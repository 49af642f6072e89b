import { thrownText } from '../../src/errors.js'
import type { Certificates } from '../../src/io/certificates/material.js'
import { fingerprintsOf } from '../../src/io/certificates/pem.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient, Collection } from '../../src/io/cluster/cluster-client.js'
import type { Logger } from '../../src/io/log.js'
import { isJsonObject, stringMembers } from '../../src/json.js'
import { settleAgain } from '../settle-again.js'

export interface AuthorityParts {
  readonly client: Pick<ClusterClient, 'find' | 'create' | 'replace'>
  readonly certificates: Pick<Certificates, 'caBundle' | 'published'>
  /** Where the gates are that mount it. */
  readonly namespace: string
  readonly log: Logger
  readonly clock: Clock
}

/** The ConfigMap that tells gates before the sync which authority to trust, in its key `ca.crt`. */
export const AUTHORITY_CONFIG_MAP = 'lockkeeper-controller-ca'
const KEY = 'ca.crt'

/**
 * Publishes the authority of the API's certificate, and says when it is published: only then may it sign, until the signal is
 * aborted. Only the leader may run it.
 */
export async function runAuthority(parts: AuthorityParts, signal: AbortSignal): Promise<void> {
  const { certificates, clock, log, namespace } = parts
  await settleAgain(
    async () => {
      certificates.published(fingerprintsOf(await settle(parts, signal)))
    },
    thrown => {
      const fields = { namespace, name: AUTHORITY_CONFIG_MAP, error: thrownText(thrown) }
      log.warn('gates cannot be told the authority of the API', fields)
    },
    clock,
    signal,
  )
}

/** @returns what gates are told */
async function settle({ client, certificates, namespace, log }: AuthorityParts, signal: AbortSignal): Promise<string> {
  const collection: Collection = { group: '', version: 'v1', resource: 'configmaps', namespace }
  const wanted = certificates.caBundle()
  const found = await client.find(collection, AUTHORITY_CONFIG_MAP, { signal })
  if (stringMembers(found?.data)[KEY] === wanted) return wanted
  if (found === null) {
    const labels = { 'app.kubernetes.io/name': 'lockkeeper', 'app.kubernetes.io/managed-by': 'lockkeeper' }
    const metadata = { name: AUTHORITY_CONFIG_MAP, namespace, labels }
    await client.create(
      collection,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [KEY]: wanted } },
      { signal },
    )
  } else {
    const data = isJsonObject(found.data) ? found.data : {}
    // Of what others have set beside it, nothing is taken away; who wrote meanwhile is not overwritten.
    await client.replace(collection, AUTHORITY_CONFIG_MAP, { ...found, data: { ...data, [KEY]: wanted } }, { signal })
  }
  log.info('gates are told the authority of the API', { namespace, name: AUTHORITY_CONFIG_MAP })
  return wanted
}
