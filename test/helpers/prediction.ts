import { parseAdmissionReview, type AdmissionRequest } from '../../src/admission.js'
import { isJsonObject, parseJson, stringifyJson, type JsonObject } from '../../src/json.js'
import { buildRequest } from '../../src/request.js'
import { unknownFieldsOf } from './canonical-exceptions.js'
import { ApiError } from './testbed/api-error.js'
import type { ApiResponse } from './testbed/api-connection.js'
import type { ApiClient } from './testbed/api.js'
import type { ControlPlane } from './testbed/control-plane.js'
import type { Recorder } from './testbed/recorder.js'

/** One manifest, sent: the request that was built for it and the one that the API server sent to its webhooks. */
export interface Prediction {
  readonly built: AdmissionRequest
  readonly sent: AdmissionRequest
  /** The JSON paths that the API server dropped because the kind does not have them: `spec.foo`. */
  readonly unknownFields: readonly string[]
}

/** What became of a manifest: a prediction to judge, or why there is none. */
export type Outcome =
  | { readonly state: 'predicted'; readonly prediction: Prediction }
  /** The API server refused it before any webhook: no admission to predict. */
  | { readonly state: 'refused'; readonly message: string }
  /** The API server does not know the kind. */
  | { readonly state: 'unserved' }
  /** The API server took it and asked no webhook. */
  | { readonly state: 'unseen' }

/** Sends manifests as the deployer and pairs what is recorded with what is built. */
export interface Predictor {
  /** A dry-run create. */
  create(manifest: JsonObject): Promise<Outcome>
  /** Creates the manifest for good by server-side apply, then applies the changed one as a dry run; refused where it is there already. */
  update(manifest: JsonObject, changed: JsonObject): Promise<Outcome>
}

const NAMESPACE = 'default'
const EXISTS = '409: it is there already'

/** @param deployer whose requests are predicted: the user of `config.prediction.userInfo` */
export function createPredictor(
  plane: ControlPlane,
  recorder: Recorder,
  deployer: ApiClient,
  userInfo: AdmissionRequest['userInfo'],
): Predictor {
  const prepare = createPreparation(plane.admin)
  let managers = 0

  /** Writes the manifest; `sent` is what was recorded of it, found by the field manager, which no other write has at that time. */
  async function write(
    method: 'POST' | 'PATCH',
    path: string,
    manifest: JsonObject,
    query: { fieldManager: string; force?: true; dryRun?: 'All' },
  ) {
    const contentType = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json'
    const body = stringifyJson(manifest)
    const response = await deployer.request(method, path, { contentType, body, query })
    const [review] = recorder.take(({ options }) => options?.fieldManager === query.fieldManager)
    return { response, sent: review && parseAdmissionReview(parseJson(review.bytes.toString('utf8'))) }
  }

  function outcome(
    { response, sent }: Awaited<ReturnType<typeof write>>,
    object: JsonObject,
    base: JsonObject | null,
  ): Outcome {
    if (sent === undefined) return response.status >= 400 ? refused(response) : { state: 'unseen' }
    const built = buildRequest({ object, base, userInfo, namespace: NAMESPACE })
    return { state: 'predicted', prediction: { built, sent, unknownFields: unknownFieldsOf(response.headers.warning) } }
  }

  async function pathOf(manifest: JsonObject): Promise<string | null> {
    const { apiVersion, kind, metadata } = manifest as { apiVersion: string; kind: string; metadata?: JsonObject }
    const namespace = (metadata?.namespace as string | undefined) ?? NAMESPACE
    try {
      return await plane.admin.collectionPath({ apiVersion, kind, namespace })
    } catch {
      return null
    }
  }

  return {
    create: async manifest => {
      const path = await pathOf(manifest)
      if (path === null) return { state: 'unserved' }
      await prepare(manifest, path)
      const fieldManager = `prediction-${++managers}`
      return outcome(await write('POST', path, manifest, { fieldManager, dryRun: 'All' }), manifest, null)
    },
    update: async (manifest, changed) => {
      const collection = await pathOf(manifest)
      if (collection === null) return { state: 'unserved' }
      await prepare(manifest, collection)
      const path = `${collection}/${(manifest.metadata as { name: string }).name}`
      if ((await plane.admin.request('GET', path)).status !== 404) return { state: 'refused', message: EXISTS }
      const query = { fieldManager: `prediction-${++managers}`, force: true } as const
      const { response } = await write('PATCH', path, manifest, query)
      if (response.status >= 400) return refused(response)
      const applied = await write('PATCH', path, changed, { ...query, dryRun: 'All' })
      return outcome(applied, changed, parseJson(response.text) as JsonObject)
    },
  }
}

function refused(response: ApiResponse): Outcome {
  return { state: 'refused', message: `${response.status}: ${new ApiError('', response).message}` }
}

/**
 * Makes what an object needs to be there: its namespace with the service account of Pods that name none, and the account that a Pod names.
 * Each once, also when asked side by side.
 */
export function createPreparation(admin: ApiClient): (manifest: JsonObject, path: string) => Promise<void> {
  const made = new Map<string, Promise<unknown>>()
  const once = (key: string, make: () => Promise<unknown>): Promise<unknown> => {
    const known = made.get(key) ?? make()
    made.set(key, known)
    return known
  }
  const serviceAccount = (namespace: string, name: string) =>
    once(`${namespace}/${name}`, () =>
      admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }),
    )
  return async (manifest, path) => {
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1]
    if (namespace === undefined) return
    await once(namespace, () => admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
    await serviceAccount(namespace, 'default')
    const { spec } = manifest
    const name = manifest.kind === 'Pod' && isJsonObject(spec) ? (spec.serviceAccountName ?? spec.serviceAccount) : null
    if (typeof name === 'string' && name !== '') await serviceAccount(namespace, name)
  }
}
