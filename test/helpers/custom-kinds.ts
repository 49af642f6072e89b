import type { JsonObject } from '../../src/json.js'
import { resourceOf } from '../../src/resources.js'
import type { Manifest } from './testbed/api-objects.js'

/** Groups that the API server itself serves, or once served. */
const BUILT_IN = /^(?:[^.]*|.*\.k8s\.io)$/

/** A group that looks built in, and is defined by others. */
const DEFINED_BY_OTHERS = ['gateway.networking.k8s.io']

/** Of several versions only one is stored. */
interface Kind {
  readonly group: string
  readonly kind: string
  readonly versions: Set<string>
}

/**
 * CustomResourceDefinitions that let every object of the given custom kinds through: for suites that ask what a webhook is
 * sent, not what a schema takes.
 */
export function permissiveDefinitions(objects: readonly JsonObject[]): readonly Manifest[] {
  const kinds = new Map<string, Kind>()
  for (const { apiVersion, kind } of objects) {
    const [version = '', group = ''] = (apiVersion as string).split('/').reverse()
    if (BUILT_IN.test(group) && !DEFINED_BY_OTHERS.includes(group)) continue
    const key = `${group}/${kind as string}`
    const known = kinds.get(key) ?? { group, kind: kind as string, versions: new Set() }
    known.versions.add(version)
    kinds.set(key, known)
  }
  return [...kinds.values()].map(definition)
}

function definition({ group, kind, versions }: Kind): Manifest {
  const { resource: plural, scope } = resourceOf(group, kind)
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Groups of the Kubernetes project are asked for their review.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, a stand-in for tests' },
    },
    spec: {
      group,
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: scope === 'Cluster' ? 'Cluster' : 'Namespaced',
      versions: [...versions].map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        subresources: { status: {} },
      })),
    },
  }
}
