import { hash } from 'node:crypto'
import type { PatchOperation } from '../decision-types.js'
import { stringifyJson, type Json } from '../json.js'
import type { ByteCache } from '../policy/byte-cache.js'

const YES = 'yes'
const NO = 'no'

/** Whether patches helped when the policies could read the same of an object as now. */
export interface KnownHelp {
  /** @param targets which violations the patch is to end; undefined: it was not tried, or that is gone */
  find(targets: readonly string[], patch: readonly PatchOperation[]): boolean | undefined
  keep(targets: readonly string[], patch: readonly PatchOperation[], helps: boolean): void
}

/**
 * What was seen of patches, under all that the policies could read when they judged the object. What they can read of the
 * patched object follows from that and from the patch, if the patch fits: that has to be looked at each time.
 *
 * @param seen that text; asked for only when there is a patch to try
 */
export function knownHelp(cache: ByteCache | null, seen: () => string | null): KnownHelp | null {
  if (cache === null) return null
  let digest: string | null | undefined

  function keyOf(targets: readonly string[], patch: readonly PatchOperation[]): string | null {
    // Which policies see an object depends on its metadata, of which they may read nothing.
    if (patch.some(({ path }) => !path.startsWith('/') || /^\/metadata(?:\/|$)/.test(path))) return null
    if (digest === undefined) {
      const text = seen()
      digest = text === null ? null : hash('sha256', text, 'base64')
    }
    return digest === null
      ? null
      : `help\n${digest}\n${hash('sha256', stringifyJson([targets, patch] as unknown as Json), 'base64')}`
  }

  return {
    find(targets, patch) {
      const key = keyOf(targets, patch)
      const text = key === null ? undefined : cache.use(key)?.texts[0]
      return text === undefined ? undefined : text === YES
    },
    keep(targets, patch, helps) {
      const key = keyOf(targets, patch)
      if (key !== null) cache.add(key, 0, helps ? YES : NO)
    },
  }
}
