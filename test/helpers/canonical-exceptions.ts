import { canonicalJson } from '../../src/canonical.js'
import { isJsonObject, type Json, type JsonObject } from '../../src/json.js'
import type { Difference } from './difference.js'

/** What the API server adds to an object or takes from it, and the canonical form rightly shows. */
export interface CanonicalException {
  readonly title: string
  /** Why it must be seen. */
  readonly because: string
  /** @param difference of the canonical forms: left the manifest, right what the API server made of it */
  readonly explains: (difference: Difference, object: JsonObject, unknownFields: readonly string[]) => boolean
}

/** Groups of custom kinds have a domain; those of Kubernetes have none, or k8s.io. */
const CUSTOM = /^(?![^/]*\.k8s\.io\/)[^/]+\.[^/]+\//

/** Each names one thing; whatever none of them explains is a mistake of the canonical form. */
export const CANONICAL_EXCEPTIONS: readonly CanonicalException[] = [
  {
    title: 'a token is mounted in a Pod',
    because: 'whether it is depends on the ServiceAccount, and a Pod with a token is not the same as one without',
    explains: ({ path, left, right }, { kind }) =>
      kind === 'Pod' &&
      left === undefined &&
      /^\/spec\/(volumes|\w+ontainers\/\d+\/volumeMounts)(\/\d+)?$/.test(path) &&
      [right ?? null].flat().every(each => isJsonObject(each) && each.name === 'kube-api-access-'),
  },
  {
    title: 'a Service gets ports on the nodes',
    because: 'users may choose them, and a chosen port looks like one that was given out',
    explains: ({ path, left, right }, { kind }) =>
      kind === 'Service' &&
      left === undefined &&
      typeof right === 'number' &&
      /^\/spec\/(ports\/\d+\/nodePort|healthCheckNodePort)$/.test(path),
  },
  {
    title: 'a volume or a claim is protected by a finalizer',
    because: 'to take it away later is a change that policies have to see',
    explains: ({ path, left, right }) =>
      left === undefined &&
      /^\/metadata\/finalizers(\/\d+)?$/.test(path) &&
      /^\[?"kubernetes\.io\/(pv|pvc|vac)-protection"\]?$/.test(canonicalJson(right ?? null)),
  },
  {
    title: 'a Node gets a taint until it is ready',
    because: 'to take it away later is a change that policies have to see',
    explains: ({ path, left, right }, { kind }) =>
      kind === 'Node' &&
      left === undefined &&
      canonicalJson(specWith(path, right ?? null)) ===
        '{"taints":[{"effect":"NoSchedule","key":"node.kubernetes.io/not-ready"}]}',
  },
  {
    title: 'a taint of a device gets the time of the request',
    because: 'users may choose another time',
    explains: ({ path, left }) => /\/taints?(\/\d+)?\/timeAdded$/.test(path) && left === undefined,
  },
  {
    title: 'a field that the kind does not have is dropped',
    because: 'a newer API server may know it: the form must not hide what it does not know',
    explains: ({ path, right }, _, unknownFields) =>
      right === undefined && unknownFields.some(each => isAt(fieldOf(path), each)),
  },
  {
    title: 'a null in a custom object is dropped',
    because: 'where a schema says nullable it stays, and the form does not know the schemas',
    explains: ({ left, right }, { apiVersion }) =>
      left === null && right === undefined && typeof apiVersion === 'string' && CUSTOM.test(apiVersion),
  },
]

/** The fields that an answer's warnings say were dropped: `spec.ports[0].x`. */
export function unknownFieldsOf(warning: string | string[] | undefined): readonly string[] {
  const text = [warning ?? ''].flat().join(',')
  return [...text.matchAll(/unknown field \\?"(.*?)\\?"/g)].map(([, field = '']) => field)
}

/** The spec that a value at this place of it would make. */
function specWith(path: string, value: Json): Json {
  if (path === '/spec') return value
  if (path === '/spec/taints') return { taints: value }
  return /^\/spec\/taints\/\d+$/.test(path) ? { taints: [value] } : null
}

/** A JSON pointer as warnings write it, where dots inside of keys are not told apart. */
function fieldOf(pointer: string): string {
  const segments = pointer.split('/').slice(1)
  const field = segments.map(each => (/^\d+$/.test(each) ? `[${each}]` : `.${each}`)).join('')
  return field.slice(1).replaceAll('~1', '/').replaceAll('~0', '~')
}

/** The same place, one below it, or one above it: what has only unknown fields is gone with them. */
function isAt(field: string, unknown: string): boolean {
  return field === unknown || isBelow(field, unknown) || isBelow(unknown, field)
}

function isBelow(field: string, other: string): boolean {
  return field.startsWith(`${other}.`) || field.startsWith(`${other}[`)
}
