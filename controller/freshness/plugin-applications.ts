import { createHash } from 'node:crypto'
import { type Json, isJsonObject, type JsonObject } from '../../src/json.js'
import { namesOf } from '../../src/io/cluster/object-names.js'

/** As much of an Application as asking it for a refresh needs. */
export interface PluginApplication {
  readonly namespace: string
  readonly name: string
  /** Short, and another one when the Application was made anew. */
  readonly key: string
  /** Its last comparison or its last sync did not succeed. */
  readonly isFailing: boolean
}

const KEY_LENGTH = 12

/**
 * The Application where it renders through the plugin; null where it does not. A plugin without a name counts: which one
 * answers then is found out by Argo CD alone, and one refresh too many costs a render, one too few a verdict of a bundle
 * that is no longer in force.
 */
export function pluginApplication(application: JsonObject, pluginName: string): PluginApplication | null {
  const spec = isJsonObject(application.spec) ? application.spec : {}
  const hydrator = isJsonObject(spec.sourceHydrator) ? spec.sourceHydrator.drySource : undefined
  const sources = [spec.source, hydrator, ...(Array.isArray(spec.sources) ? spec.sources : [])]
  if (!sources.some(source => usesPlugin(source, pluginName))) return null
  const { namespace, name, uid } = namesOf(application)
  const key = createHash('sha256').update(uid).digest('base64url').slice(0, KEY_LENGTH)
  return { namespace, name, key, isFailing: isFailing(application.status) }
}

/** Those that fail go first: they wait for the answer. */
export function failingFirst(applications: readonly PluginApplication[]): readonly PluginApplication[] {
  const path = ({ namespace, name }: PluginApplication) => `${namespace}/${name}`
  return [...applications].sort(
    (a, b) => Number(b.isFailing) - Number(a.isFailing) || (path(a) < path(b) ? -1 : path(a) > path(b) ? 1 : 0),
  )
}

function usesPlugin(source: Json | undefined, pluginName: string): boolean {
  if (!isJsonObject(source) || !isJsonObject(source.plugin)) return false
  const { name } = source.plugin
  return name === undefined || name === null || name === '' || name === pluginName
}

function isFailing(status: Json | undefined): boolean {
  if (!isJsonObject(status)) return false
  const conditions = Array.isArray(status.conditions) ? status.conditions : []
  const hasError = conditions.some(
    each => isJsonObject(each) && typeof each.type === 'string' && each.type.endsWith('Error'),
  )
  const phase = isJsonObject(status.operationState) ? status.operationState.phase : ''
  const sync = isJsonObject(status.sync) ? status.sync.status : ''
  return hasError || sync === 'Unknown' || phase === 'Failed' || phase === 'Error'
}
