import type { AdmissionRequest } from '../admission.js'
import type { Context, Risk } from '../decision-types.js'
import { isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from '../json.js'
import type { ByteCache } from './byte-cache.js'
import { createInputParts, preparePath, type InputParts, type KnownTexts, type PreparedPath } from './input-parts.js'
import { overlaps, pathKey, type InputPath } from './input-path.js'
import type { RuleName } from './policy-types.js'
import type { PolicyFinding } from './results.js'

/** What one rule of a policy said. */
export interface RuleFinding {
  readonly rule: RuleName
  readonly finding: PolicyFinding
}

/** How many policies' results a review took from the cache, and how many it made. */
export interface CacheCounts {
  readonly hits: number
  readonly misses: number
}

/** The cached results for one input. */
export interface InputResults {
  /** What the policy said when everything that it can read was the same; undefined when that was not seen, or is gone. */
  find(policy: number): readonly RuleFinding[] | undefined
  keep(policy: number, findings: readonly RuleFinding[]): void
  /** For the last stage, which sees what the others found. */
  setViolations(violations: Json): void
  /** The results for the same input with another object, in which only what these pointers name in the input differs. */
  withObject(object: JsonObject, changed: readonly string[]): InputResults
  /** Equal texts: these policies could read nothing that differs; null when one of them reads what cannot be told. */
  textOf(policies: readonly number[]): string | null
}

/**
 * Results of policies by what each of them can read. Only what policies found is in it: which policies see a request, and
 * everything that `decide` does with findings (exceptions, approvals, holds, the ratchet), is done for every request.
 */
export interface ResultCache {
  open(request: AdmissionRequest, context: Context, risk: Risk | null): InputResults
  /** Which policies may say something else when what these pointers name in the input is something else. */
  readersOf(changed: readonly string[]): { has(policy: number): boolean }
}

/** Policies that read the same paths: they hit and miss together, so they share an entry. */
interface Group {
  readonly id: number
  readonly paths: readonly PreparedPath[]
  readonly readsViolations: boolean
  size: number
}

/** Who may see a change. */
interface Readers {
  readonly policies: ReadonlySet<number>
  /** The keys of the paths that lead to it. */
  readonly paths: ReadonlySet<string>
}

/** The result of most policies for most inputs. */
const NOTHING_FOUND = '[]'
const NO_FINDINGS: readonly RuleFinding[] = []
/** Patches are for few places. */
const MAX_KNOWN_READERS = 500

/** @param paths by policy; null: its results are not cached */
export function createResultCache(paths: readonly (readonly InputPath[] | null)[], cache: ByteCache): ResultCache {
  const groups = new Map<string, Group>()
  const places = paths.map(each => {
    if (each === null) return null
    const key = each.map(pathKey).join('\n')
    const readsViolations = each.some(({ pointer }) => /^\/violations(?:\/|$)/.test(pointer))
    const group = groups.get(key) ?? { id: groups.size, paths: each.map(preparePath), readsViolations, size: 0 }
    groups.set(key, group)
    return { group, index: group.size++ }
  })

  const allPaths = new Map(paths.flatMap(each => (each ?? []).map(path => [pathKey(path), path] as const)))
  const knownReaders = new Map<string, Readers>()

  function reads(policy: number, changed: readonly string[]): boolean {
    const read = paths[policy]
    // Of one that is not known it is taken to read everything, and what others find may change with anything.
    if (!read || places[policy]?.group.readsViolations !== false) return true
    return read.some(path => changed.some(pointer => overlaps(path, pointer)))
  }

  function readersOf(changed: readonly string[]): Readers {
    const key = changed.join('\n')
    let readers = knownReaders.get(key)
    if (readers === undefined) {
      if (knownReaders.size >= MAX_KNOWN_READERS) knownReaders.clear()
      const differing = [...allPaths].filter(([, path]) => changed.some(pointer => overlaps(path, pointer)))
      readers = {
        policies: new Set([...paths.keys()].filter(policy => reads(policy, changed))),
        paths: new Set(differing.map(([each]) => each)),
      }
      knownReaders.set(key, readers)
    }
    return readers
  }

  // A patched object shares with the one before what the patch left alone.
  const known: KnownTexts = new WeakMap()

  function resultsOf(input: JsonObject, untouched: InputParts): InputResults {
    let parts = untouched
    const keys: (string | undefined)[] = []
    const found: (readonly (string | undefined)[] | undefined)[] = []

    function keyOf({ id, paths: read }: Group): string {
      let key = keys[id]
      if (key === undefined) {
        key = `${id}`
        for (const path of read) key += `\n${parts.textOf(path)}`
        keys[id] = key
        found[id] = cache.use(key)?.texts
      }
      return key
    }

    return {
      find(policy) {
        const place = places[policy]
        if (!place) return undefined
        keyOf(place.group)
        const text = found[place.group.id]?.[place.index]
        if (text === undefined || text === NOTHING_FOUND) return text === undefined ? undefined : NO_FINDINGS
        return parseJson(text) as unknown as readonly RuleFinding[]
      },
      keep(policy, findings) {
        const place = places[policy]
        if (!place) return
        const text = findings.length === 0 ? NOTHING_FOUND : stringifyJson(findings as unknown as Json)
        cache.add(keyOf(place.group), place.index, text)
      },
      setViolations(violations) {
        parts = parts.changed({ ...input, violations }, ({ segments }) => segments[0] === 'violations')
        for (const { id, readsViolations } of groups.values()) if (readsViolations) keys[id] = undefined
      },
      textOf(policies) {
        const read = new Set<Group>()
        for (const policy of policies) {
          const place = places[policy]
          if (!place) return null
          read.add(place.group)
        }
        return `${policies.join(' ')}\n${[...read].map(keyOf).join('\n')}`
      },
      withObject(object, changed) {
        const { paths: differing } = readersOf(changed)
        const { review } = input
        const patched = { ...input, review: isJsonObject(review) ? { ...review, object } : null }
        return resultsOf(
          patched,
          untouched.changed(patched, ({ key }) => differing.has(key)),
        )
      },
    }
  }

  return {
    readersOf: changed => readersOf(changed).policies,
    open(request, context, risk) {
      const input = policyInput(request as unknown as Json, context, risk)
      return resultsOf(input, createInputParts(input, known))
    },
  }
}

/** What policies see; `parameters` are each policy's own, and come in their place. */
export function policyInput(review: Json, context: Context, risk: Risk | null): JsonObject {
  return {
    review,
    namespace: context.namespace,
    parameters: {},
    risk,
    provenance: context.provenance,
    related: context.related,
    violations: [],
    now: context.now,
  } as unknown as JsonObject
}
