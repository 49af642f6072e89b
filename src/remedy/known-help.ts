import { createHash } from 'node:crypto'
import type { PatchOperation } from '../decision-types.js'
import { stringifyJson, type Json } from '../json.js'
import type { ByteCache } from '../policy/byte-cache.js'

const YES = 'yes'
const NO = 'no'

/** Whether patches helped when the policies that read what they change could read the same of an object as now. */
export interface KnownHelp {
  /**
   * @param targets which violations the patch is to end
   * @param changed the pointers in the object that the patch changes; null: not only what policies read there differs
   * @returns undefined: it was not tried, or that is gone
   */
  find(
    targets: readonly string[],
    patch: readonly PatchOperation[],
    changed: readonly string[] | null,
  ): boolean | undefined
  keep(
    targets: readonly string[],
    patch: readonly PatchOperation[],
    changed: readonly string[] | null,
    helps: boolean,
  ): void
}

/**
 * What was seen of patches, under all that the policies that read what a patch changes could read when they judged the
 * object: the others say of the patched object what they said before. What policies can read of the patched object follows
 * from that and from the patch, if the patch fits: that has to be looked at each time.
 *
 * @param seen that text, by what is changed; asked for only when there is a patch to try
 */
export function knownHelp(
  cache: ByteCache | null,
  seen: (changed: readonly string[]) => string | null,
): KnownHelp | null {
  if (cache === null) return null

  // What was looked for is what is kept next.
  let last: {
    readonly targets: readonly string[]
    readonly patch: readonly PatchOperation[]
    readonly key: string | null
  } | null = null

  function keyOf(
    targets: readonly string[],
    patch: readonly PatchOperation[],
    changed: readonly string[] | null,
  ): string | null {
    if (last?.targets !== targets || last.patch !== patch) {
      const text = changed === null ? null : seen(changed)
      last = { targets, patch, key: text === null ? null : digestOf(text, [targets, patch] as unknown as Json) }
    }
    return last.key
  }

  return {
    find(targets, patch, changed) {
      const key = keyOf(targets, patch, changed)
      const text = key === null ? undefined : cache.use(key)?.texts[0]
      return text === undefined ? undefined : text === YES
    },
    keep(targets, patch, changed, helps) {
      const key = keyOf(targets, patch, changed)
      if (key !== null) cache.add(key, 0, helps ? YES : NO)
    },
  }
}

function digestOf(text: string, rest: Json): string {
  // The length tells where the one ends.
  const digest = createHash('sha256').update(`${text.length} ${text}`).update(stringifyJson(rest)).digest('base64')
  return `help\n${digest}`
}
