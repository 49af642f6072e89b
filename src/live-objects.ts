import type { NamespaceInfo } from './decision-types.js'
import type { JsonObject } from './json.js'

/** What the cluster has, as the controller answers it to a gate that cannot look itself. */
export interface LiveAnswer {
  /** By objectKey; null where there is none, `withheld` where it may not be read, as Secrets never are. */
  readonly objects: ReadonlyMap<string, JsonObject | null | 'withheld'>
  /** Live objects of the Application that the render no longer has. */
  readonly pruned: readonly JsonObject[]
  readonly namespaces: ReadonlyMap<string, NamespaceInfo>
}

/** One text for one object of a cluster, in whatever version it is written; cluster-scoped ones have no namespace. */
export function objectKey(group: string, kind: string, namespace: string | undefined, name: string): string {
  return [group, kind, namespace ?? '', name].join('/')
}
