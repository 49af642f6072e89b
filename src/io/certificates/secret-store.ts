import { type ClusterClient, ClusterError, type ClusterObject } from '../cluster/cluster-client.js'
import { isJsonObject, type JsonObject, stringMembers } from '../../json.js'
import { type CertificateState, readState, type SecretTexts, writeState } from './certificate-state.js'
import { rotate, type Rotated } from './rotate.js'
import type { RotationContext } from './rotation.js'

/** The Secret that the replicas agree in, and how to reach it. */
export interface SecretStore {
  readonly client: Pick<ClusterClient, 'find' | 'create' | 'replace'>
  readonly namespace: string
  readonly name: string
}

/** What the replicas agreed on, what this one contributed, and what was wrong with the Secret. */
export interface Agreement extends Rotated {
  readonly faults: readonly string[]
  /** Whether this replica wrote the Secret. */
  readonly isWritten: boolean
}

/** So often another replica may be faster; each time there is less left to do. */
const MAX_ATTEMPTS = 8
const CONFLICT = 409

/**
 * Reads the Secret, takes the steps that are due, and writes. Where somebody else wrote first, theirs is read and nothing of ours kept.
 *
 * @param memory what was agreed before; it comes back when the Secret is gone or cannot be used
 * @throws ClusterError when the Secret can be neither read nor written
 */
export async function agree(
  store: SecretStore,
  memory: CertificateState | null,
  context: RotationContext,
  signal?: AbortSignal,
): Promise<Agreement> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const found = await send(store, 'read', () =>
      store.client.find(collection(store), store.name, { ...(signal && { signal }) }),
    )
    const read = found === null ? { state: null, faults: [] } : readState(textsOf(found))
    const rotated = rotate(read.state ?? memory, context)
    if (read.state !== null && rotated.steps.length === 0) return { ...rotated, faults: read.faults, isWritten: false }
    if (await write(store, found, rotated.state, signal)) {
      return { ...rotated, faults: read.faults, isWritten: true }
    }
  }
  throw new ClusterError(`${nameOf(store)} was written by others ${MAX_ATTEMPTS} times in a row`, {
    status: CONFLICT,
    reason: 'Conflict',
  })
}

/** False when somebody else was faster. */
async function write(
  store: SecretStore,
  found: ClusterObject | null,
  state: CertificateState,
  signal?: AbortSignal,
): Promise<boolean> {
  const { client, name } = store
  const options = { ...(signal && { signal }) }
  const secret = secretOf(store, found, writeState(state))
  try {
    await send(store, 'written', () =>
      found === null
        ? client.create(collection(store), secret, options)
        : client.replace(collection(store), name, secret, options),
    )
    return true
  } catch (error) {
    // Created or changed by another replica, or deleted since it was read.
    if (error instanceof ClusterError && (error.status === CONFLICT || (found !== null && error.status === 404))) {
      return false
    }
    throw error
  }
}

/** What is known of an error, without what the API server said: that can quote what was sent. */
async function send<T>(store: SecretStore, verb: 'read' | 'written', call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof ClusterError)) {
      throw new ClusterError(`${nameOf(store)} could not be ${verb}`, { status: 0 })
    }
    const { status, reason, retryAfterSeconds } = error
    const why = reason || (status === 0 ? 'no answer' : `status ${status}`)
    throw new ClusterError(`${nameOf(store)} could not be ${verb}: ${why}`, { status, reason, retryAfterSeconds })
  }
}

function nameOf({ namespace, name }: SecretStore): string {
  return `the Secret ${namespace}/${name}`
}

function collection({ namespace }: SecretStore) {
  return { group: '', version: 'v1', resource: 'secrets', namespace }
}

/** The object with our data; labels, type and resourceVersion stay what they are. */
function secretOf(store: SecretStore, found: ClusterObject | null, texts: SecretTexts): JsonObject {
  const encoded = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')])
  const data = Object.fromEntries(encoded) as JsonObject
  if (found !== null) return { ...found, data }
  const labels = { 'app.kubernetes.io/name': 'lockkeeper', 'app.kubernetes.io/managed-by': 'lockkeeper' }
  const metadata = { name: store.name, namespace: store.namespace, labels }
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, data }
}

function textsOf(secret: ClusterObject): SecretTexts {
  const data = isJsonObject(secret.data) ? secret.data : {}
  const texts = Object.entries(stringMembers(data))
  return Object.fromEntries(texts.map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]))
}
