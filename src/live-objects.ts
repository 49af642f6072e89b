import type { NamespaceInfo } from './decision-types.js'
import type { JsonObject } from './json.js'

/** What somebody with access to the cluster said about the objects of a change. */
export interface LiveAnswer {
  /** By `objectKey`; null: there is none. The contents of Secrets leave the cluster for nobody: they are withheld. */
  readonly objects: ReadonlyMap<string, JsonObject | null | 'withheld'>
  /** Live objects of the application that its manifests do not name any more. */
  readonly pruned: readonly JsonObject[]
  readonly namespaces: ReadonlyMap<string, NamespaceInfo>
}

/** One text for one object of a cluster, in whatever version it is written; cluster-scoped ones have no namespace. */
export function objectKey(group: string, kind: string, namespace: string | undefined, name: string): string {
  return [group, kind, namespace, name].join('/')
}
