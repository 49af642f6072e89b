import { GateError } from '../../src/errors.js'
import { stringifyJson, type JsonObject } from '../../src/json.js'
import { readManifests, type Manifest } from '../../src/manifest.js'

/** Objects as they are read out of a rendered file. @throws GateError where one is none */
export function manifestsOf(objects: readonly JsonObject[], file = 'rendered.yaml'): readonly Manifest[] {
  return [...readManifests(objects.map(each => stringifyJson(each)).join('\n'), file)].map(each => {
    if (each instanceof GateError) throw each
    return each
  })
}

/** An object by its kind and name, in the namespace `shop` unless the kind has none. */
export function named(apiVersion: string, kind: string, name: string, members: JsonObject = {}): JsonObject {
  const isCluster = /^(Cluster|Namespace|PersistentVolume$)/.test(kind)
  return { apiVersion, kind, metadata: { name, ...(isCluster ? {} : { namespace: 'shop' }) }, ...members }
}
