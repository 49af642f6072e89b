import { thrownText } from '../../src/errors.js'
import { type JsonObject, stringMembers } from '../../src/json.js'
import type { Clock } from '../../src/io/cluster/clock.js'
import type { ClusterClient, Collection } from '../../src/io/cluster/cluster-client.js'
import type { Logger } from '../../src/io/log.js'
import type { Metrics } from '../metrics.js'
import { settleAgain } from '../settle-again.js'
import { makeSigningKey, type SigningKey } from './key-material.js'
import { configMapOf, heldKeys, knownKeys, secretOf } from './key-objects.js'
import { type KeyTimes, planKeys } from './key-plan.js'

export interface ReceiptKeysParts {
  readonly client: Pick<ClusterClient, 'find' | 'create' | 'replace'>
  /** The controller's own: where webhooks find what they trust. */
  readonly namespace: string
  /** Where the gate before the sync signs. */
  readonly secretNamespace: string
  readonly times: KeyTimes
  readonly metrics: Pick<Metrics, 'receiptKeysMade' | 'receiptKeysTrusted' | 'receiptKeyCreated'>
  readonly log: Logger
  readonly clock: Clock
}

/** The Secret with the private key, and the ConfigMap with the public ones. */
export const RECEIPT_KEYS = 'lockkeeper-receipt-keys'

/**
 * Sees to it that there is a key to sign receipts with, and that webhooks know it before anything is signed with it, until
 * the signal is aborted. Only the leader may run it. No log line has a key in it, only key ids.
 */
export async function runReceiptKeys(parts: ReceiptKeysParts, signal: AbortSignal): Promise<void> {
  const { clock, log } = parts
  /** Made, and not known to be written: what cannot be written does not make more and more keys. */
  const unwritten: { key: SigningKey | null } = { key: null }
  await settleAgain(
    () => settleKeys(parts, unwritten, signal),
    thrown => {
      log.warn('the keys of receipts could not be seen to', { error: thrownText(thrown) })
    },
    clock,
    signal,
  )
}

async function settleKeys(
  parts: ReceiptKeysParts,
  unwritten: { key: SigningKey | null },
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, log, metrics, namespace, secretNamespace } = parts
  const core = { group: '', version: 'v1' }
  const configMaps: Collection = { ...core, resource: 'configmaps', namespace }
  const secrets: Collection = { ...core, resource: 'secrets', namespace: secretNamespace }
  const configMap = await client.find(configMaps, RECEIPT_KEYS, { signal })
  const secret = await client.find(secrets, RECEIPT_KEYS, { signal })
  const plan = planKeys(heldKeys(secret), knownKeys(configMap), parts.times, clock.date().getTime(), () => {
    unwritten.key ??= makeSigningKey()
    return unwritten.key
  })
  const write = async (collection: Collection, found: JsonObject | null, wanted: JsonObject): Promise<void> => {
    if (found === null) await client.create(collection, wanted, { signal })
    else if (!hasSameTexts(stringMembers(found.data), stringMembers(wanted.data))) {
      // Of what others have set beside it, nothing is taken away; who wrote meanwhile is not overwritten.
      await client.replace(collection, RECEIPT_KEYS, { ...found, data: wanted.data ?? {} }, { signal })
    }
  }
  // A key is published first: what is signed with it can be checked wherever it arrives.
  await write(configMaps, configMap, configMapOf(plan, { namespace, name: RECEIPT_KEYS }))
  await write(secrets, secret, secretOf(plan, { namespace: secretNamespace, name: RECEIPT_KEYS }))
  unwritten.key = null
  metrics.receiptKeysTrusted.set(plan.records.size)
  metrics.receiptKeyCreated.set((plan.records.get(plan.signing.keyId)?.createdMs ?? 0) / 1000)
  if (plan.made !== null) {
    metrics.receiptKeysMade.inc({ reason: plan.made })
    const keyId = plan.next?.keyId ?? plan.signing.keyId
    log.info('a key for receipts was made', { namespace: secretNamespace, name: keyId, reason: plan.made })
  }
  if (plan.isForeign) {
    log.warn('a key that was not made here was in the Secret: it is replaced, and was never trusted', {
      namespace: secretNamespace,
      name: RECEIPT_KEYS,
    })
  }
}

function hasSameTexts(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every(key => one[key] === other[key])
}
