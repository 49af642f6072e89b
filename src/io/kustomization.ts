import { GateError } from '../errors.js'
import { isJsonObject, type Json, type JsonObject } from '../json.js'
import { readManifests } from '../manifest.js'

/** The fields of a kustomization that name files or directories: a list of paths, or of objects with a path in a member. */
const PATH_FIELDS: Readonly<Record<string, string | null>> = {
  resources: null,
  bases: null,
  components: null,
  crds: null,
  configurations: null,
  generators: null,
  transformers: null,
  validators: null,
  patchesStrategicMerge: null,
  patches: 'path',
  patchesJson6902: 'path',
  replacements: 'path',
}

/** What kustomize lets a kustomization leave out, and a manifest must have. */
const IMPLIED: readonly (readonly [RegExp, string])[] = [
  [/^apiVersion\s*:/m, 'apiVersion: kustomize.config.k8s.io/v1beta1\n'],
  [/^kind\s*:/m, 'kind: Kustomization\n'],
  [/^metadata\s*:/m, 'metadata: {name: kustomization}\n'],
]

/**
 * The files and directories that a kustomization builds on, as it writes them: relative to its own directory.
 * A kustomization that cannot be read builds on nothing; kustomize will say what is wrong with it.
 */
export function localPaths(text: string): string[] {
  const implied = IMPLIED.filter(([present]) => !present.test(text)).map(([, line]) => line)
  const paths: string[] = []
  for (const manifest of readManifests(implied.join('') + text.replace(/^---.*$/m, ''), 'kustomization.yaml')) {
    if (!(manifest instanceof GateError)) paths.push(...pathsOf(manifest.object))
  }
  return paths.filter(path => !/^[a-z+]+:\/\//i.test(path))
}

/** All that a kustomization names as a path or an address, as it writes it. */
export function pathsOf(kustomization: JsonObject): string[] {
  return Object.entries(PATH_FIELDS)
    .flatMap(([field, member]) => pathsIn(kustomization[field], member))
    .filter(path => !path.includes('\n'))
}

function pathsIn(value: Json | undefined, member: string | null): string[] {
  if (!Array.isArray(value)) return []
  return value
    .map(item => (member !== null && isJsonObject(item) ? item[member] : item))
    .filter(path => typeof path === 'string')
}
