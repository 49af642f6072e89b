import type { JsonObject } from '../../../src/json.js'
import { redactLikely, secretRedaction } from '../../../src/redaction.js'

/** Takes secrets out of texts: those that it was told of, and what looks like one. */
export interface Redaction {
  /** Objects whose values are secret where they are Secrets. */
  readonly add: (objects: readonly JsonObject[]) => void
  readonly redact: (text: string) => string
}

/** A redaction that knows no secret yet. */
export function createRedaction(): Redaction {
  const objects: JsonObject[] = []
  let redactSecrets: ((text: string) => string) | null = null
  return {
    add: others => {
      objects.push(...others.filter(each => each.kind === 'Secret'))
      redactSecrets = null
    },
    redact: text => {
      redactSecrets ??= secretRedaction(objects)
      return redactLikely(redactSecrets(text))
    },
  }
}
