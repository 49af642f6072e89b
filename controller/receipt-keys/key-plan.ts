import type { SigningKey } from './key-material.js'

/** What is known of a key, in the ConfigMap: it says which keys are ours. Times are milliseconds since the epoch. */
export interface KeyRecord {
  readonly publicPem: string
  readonly createdMs: number
  /** null: nothing was signed with it yet */
  readonly signsSinceMs: number | null
  /** From when on something else signed; null: it signs, or will. */
  readonly retiredMs: number | null
}

/** By key id. */
export type KeyRecords = ReadonlyMap<string, KeyRecord>

export interface KeyTimes {
  /** A key that signs for longer gets a successor. */
  readonly rotateAfterMs: number
  /** So long a key is trusted after the last receipt that was made with it. */
  readonly overlapMs: number
  /** So long a successor is published before it signs, so that every webhook knows it by then. */
  readonly publishMs: number
}

/** The two private keys as they are in the Secret; null: there is none that can be used. */
export interface HeldKeys {
  readonly signing: SigningKey | null
  readonly next: SigningKey | null
}

/** How it has to be. */
export interface KeyPlan {
  readonly signing: SigningKey
  readonly next: SigningKey | null
  /** Of every key that is trusted, the two included. */
  readonly records: KeyRecords
  /** Why a key was made; null: none was. */
  readonly made: 'first' | 'lost' | 'rotation' | null
  /** The private key that is there is none of ours: what is signed with it is not trusted. */
  readonly isForeign: boolean
}

/**
 * What the keys have to be now. A private key counts only where the ConfigMap knows it: who may write the Secret, but not the
 * ConfigMap, cannot bring in a key of their own.
 *
 * @param make a new key; the same one until it was written
 */
export function planKeys(
  held: HeldKeys,
  known: KeyRecords,
  times: KeyTimes,
  nowMs: number,
  make: () => SigningKey,
): KeyPlan {
  const records = new Map(known)
  const isOurs = (key: SigningKey | null): key is SigningKey => key !== null && records.has(key.keyId)
  let signing = isOurs(held.signing) ? held.signing : null
  let next = isOurs(held.next) && held.next.keyId !== signing?.keyId ? held.next : null
  let made: KeyPlan['made'] = null
  const add = (reason: NonNullable<KeyPlan['made']>): SigningKey => {
    const key = make()
    made = reason
    if (!records.has(key.keyId)) {
      records.set(key.keyId, { publicPem: key.publicPem, createdMs: nowMs, signsSinceMs: null, retiredMs: null })
    }
    return key
  }
  if (signing === null) {
    // A successor that waits is known to the webhooks already.
    signing = next ?? add(known.size === 0 ? 'first' : 'lost')
    next = null
  } else if (next !== null && nowMs - createdOf(records, next) >= times.publishMs) {
    signing = next
    next = null
  } else if (next === null && nowMs - createdOf(records, signing) >= times.rotateAfterMs) {
    next = add('rotation')
  }
  for (const [keyId, record] of records) {
    if (keyId === signing.keyId) {
      records.set(keyId, { ...record, signsSinceMs: record.signsSinceMs ?? nowMs, retiredMs: null })
    } else if (keyId === next?.keyId) {
      continue
    } else if (record.signsSinceMs === null) {
      // Never written, so nothing was signed with it.
      records.delete(keyId)
    } else {
      const retiredMs = record.retiredMs ?? nowMs
      if (nowMs - retiredMs > times.overlapMs) records.delete(keyId)
      else records.set(keyId, { ...record, retiredMs })
    }
  }
  const isForeign = held.signing !== null && !known.has(held.signing.keyId)
  return { signing, next, records, made, isForeign }
}

function createdOf(records: KeyRecords, { keyId }: SigningKey): number {
  return records.get(keyId)?.createdMs ?? 0
}
