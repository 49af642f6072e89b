import { isJsonObject, type JsonObject, parseJson, stringifyJson, stringMembers } from '../../src/json.js'
import { readSigningKey } from './key-material.js'
import type { HeldKeys, KeyPlan, KeyRecord, KeyRecords } from './key-plan.js'

/** The private key that signs. */
export const SIGNING_FILE = 'signing.key'
/** The one that will sign next: hidden, so that who reads the mounted directory passes it over. */
export const NEXT_FILE = '.next.key'
/** What is known of the keys, beside their files; hidden for the same reason. */
const RECORDS = '.keys.json'
const LABELS = { 'app.kubernetes.io/managed-by': 'lockkeeper' }

/** The name of the file with a public key. */
export function trustedFile(keyId: string): string {
  return `trusted-${keyId}.pub`
}

/** The private keys in the Secret; what cannot be read is as if it were not there. */
export function heldKeys(secret: JsonObject | null): HeldKeys {
  const data = stringMembers(secret?.data)
  const keyIn = (file: string) => {
    const text = data[file]
    return text === undefined ? null : readSigningKey(Buffer.from(text, 'base64').toString('utf8'))
  }
  return { signing: keyIn(SIGNING_FILE), next: keyIn(NEXT_FILE) }
}

/** What the ConfigMap knows; a record without its public key is none. */
export function knownKeys(configMap: JsonObject | null): KeyRecords {
  const data = stringMembers(configMap?.data)
  const records = new Map<string, KeyRecord>()
  let parsed
  try {
    parsed = parseJson(data[RECORDS] ?? '{}')
  } catch {
    return records
  }
  if (!isJsonObject(parsed)) return records
  for (const [keyId, value] of Object.entries(parsed)) {
    const publicPem = data[trustedFile(keyId)]
    if (publicPem === undefined || !isJsonObject(value)) continue
    const createdMs = timeIn(value.created)
    if (createdMs === null) continue
    const [signsSinceMs, retiredMs] = [timeIn(value.signsSince), timeIn(value.retired)]
    records.set(keyId, { publicPem, createdMs, signsSinceMs, retiredMs })
  }
  return records
}

export function secretOf(plan: KeyPlan, metadata: { readonly namespace: string; readonly name: string }): JsonObject {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...metadata, labels: LABELS },
    type: 'Opaque',
    data: {
      [SIGNING_FILE]: base64(plan.signing.privatePem),
      ...(plan.next !== null && { [NEXT_FILE]: base64(plan.next.privatePem) }),
      ...Object.fromEntries([...publicFiles(plan)].map(([file, pem]) => [file, base64(pem)])),
    },
  }
}

export function configMapOf(
  plan: KeyPlan,
  metadata: { readonly namespace: string; readonly name: string },
): JsonObject {
  const records = Object.fromEntries(
    [...plan.records].map(([keyId, { createdMs, signsSinceMs, retiredMs }]) => [
      keyId,
      {
        created: timeText(createdMs),
        ...(signsSinceMs !== null && { signsSince: timeText(signsSinceMs) }),
        ...(retiredMs !== null && { retired: timeText(retiredMs) }),
      },
    ]),
  )
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, labels: LABELS },
    data: { [RECORDS]: stringifyJson(records), ...Object.fromEntries(publicFiles(plan)) },
  }
}

function publicFiles({ records }: KeyPlan): Map<string, string> {
  return new Map([...records].map(([keyId, { publicPem }]) => [trustedFile(keyId), publicPem]))
}

function timeIn(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? null : ms
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
