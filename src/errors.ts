/** What a caller may rely on for one error code: the HTTP status of an AdmissionResponse, and what it means. */
interface ErrorCode {
  readonly httpStatus: number
  readonly meaning: string
}

/**
 * Every code a GateError can carry. Codes are stable; the README's table is compared with this one by a test.
 * The CLI and the plugin answer each with exit code 2; `httpStatus` is what the webhook answers.
 */
export const ERROR_CODES = {
  MANIFEST_SYNTAX: { httpStatus: 422, meaning: 'the text is neither YAML nor JSON' },
  MANIFEST_ENCODING: { httpStatus: 422, meaning: 'the bytes are not UTF-8 text' },
  MANIFEST_INVALID: { httpStatus: 422, meaning: 'the document is not a Kubernetes object' },
  MANIFEST_NUMBER: { httpStatus: 422, meaning: 'a number cannot be kept as it was written' },
  MANIFEST_DUPLICATE_KEY: { httpStatus: 422, meaning: 'a key appears twice in one mapping' },
  MANIFEST_TOO_LARGE: { httpStatus: 413, meaning: 'a file, document or object is over its size limit' },
  MANIFEST_TOO_DEEP: { httpStatus: 422, meaning: 'the nesting is over its limit' },
  MANIFEST_EXPANSION: { httpStatus: 422, meaning: 'anchors and merge keys expand over their limit' },
  MANIFEST_NONE: { httpStatus: 422, meaning: 'no manifest was found in what was given' },
  REVIEW_INVALID: { httpStatus: 400, meaning: 'the AdmissionReview is malformed' },
  FILE_UNREADABLE: { httpStatus: 500, meaning: 'a file or directory could not be read' },
  FILE_UNWRITABLE: { httpStatus: 500, meaning: 'a file could not be written' },
  RENDER_TOOL_MISSING: { httpStatus: 500, meaning: 'a kustomization or chart needs a tool that was not found' },
  RENDER_FAILED: { httpStatus: 422, meaning: 'kustomize or helm could not render the directory' },
  ARTIFACT_INVALID: {
    httpStatus: 422,
    meaning: 'the artifact of a Flux source has another digest, is no plain archive, or is over its limits',
  },
  ARTIFACT_UNREADABLE: { httpStatus: 503, meaning: 'the artifact of a Flux source could not be fetched' },
  BASE_UNREADABLE: { httpStatus: 422, meaning: 'what a change is compared with could not be read from Git' },
  BUNDLE_UNREADABLE: { httpStatus: 503, meaning: 'the bundle could not be read' },
  BUNDLE_INVALID: { httpStatus: 503, meaning: 'the bundle is not a policy bundle' },
  BUNDLE_NO_ENTRYPOINTS: { httpStatus: 503, meaning: 'the bundle has no policy that could be evaluated' },
  BUNDLE_BUILTIN_MISSING: { httpStatus: 503, meaning: 'a policy needs a built-in function that this version lacks' },
  BUNDLE_MODEL_INVALID: { httpStatus: 503, meaning: 'the risk model of the bundle cannot be used' },
  RARITY_INVALID: { httpStatus: 503, meaning: 'the rarity snapshot cannot be used' },
  BUNDLE_UNSIGNED: { httpStatus: 503, meaning: 'the bundle is not signed and unsigned bundles were not allowed' },
  CONFIG_INVALID: { httpStatus: 503, meaning: 'the configuration has mistakes' },
  CLUSTER_UNREACHABLE: { httpStatus: 503, meaning: 'the API server could not be reached' },
  CLUSTER_REFUSED: { httpStatus: 500, meaning: 'the API server refused what the gate asked of it' },
  CONTROLLER_UNREACHABLE: { httpStatus: 503, meaning: 'the controller could not be reached' },
  CONTROLLER_REFUSED: { httpStatus: 500, meaning: 'the controller refused what a gate asked of it' },
  NAMESPACE_LOOKUP_FAILED: { httpStatus: 500, meaning: 'the namespace of the request could not be looked up' },
  POLICY_FAILED: { httpStatus: 500, meaning: 'a policy ended with an error' },
  POLICY_UNDEFINED: { httpStatus: 500, meaning: 'an entrypoint of a policy is undefined' },
  POLICY_RESULT: { httpStatus: 500, meaning: 'a policy returned something else than a set of violations' },
  POLICY_KILLED: { httpStatus: 500, meaning: 'a policy was stopped at its deadline' },
  GATE_DEADLINE: { httpStatus: 503, meaning: 'the request could not be judged before its deadline' },
  GATE_CLOSED: { httpStatus: 503, meaning: 'the gate is shutting down' },
  GATE_OVERLOADED: { httpStatus: 429, meaning: 'the gate has more requests waiting than it may hold' },
  DECISION_NOT_FOUND: { httpStatus: 404, meaning: 'no Decision with that id, subject or object was found' },
  USAGE: { httpStatus: 400, meaning: 'the command line is wrong' },
  INTERNAL: { httpStatus: 500, meaning: 'a defect in lockkeeper itself' },
} as const satisfies Record<string, ErrorCode>

export type GateErrorCode = keyof typeof ERROR_CODES

/** Where a problem is in a user's files; `line` and `document` count from 1. */
export interface Position {
  readonly file?: string
  readonly line?: number
  readonly document?: number
}

/** The request, or the gate itself, could not be judged. A denial is a Decision, never a GateError. */
export class GateError extends Error {
  override readonly name = 'GateError'
  readonly code: GateErrorCode
  readonly position: Position

  constructor(code: GateErrorCode, message: string, options: { cause?: unknown; position?: Position } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.position = options.position ?? {}
  }
}

/** The text of anything that was thrown: libraries throw strings and plain objects, too. */
export function thrownText(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  if (typeof thrown === 'string') return thrown
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message)
  return String(thrown)
}

/** Makes a GateError of anything that was thrown; a GateError stays what it is. */
export function toGateError(thrown: unknown, code: GateErrorCode, context?: string): GateError {
  if (thrown instanceof GateError) return thrown
  const text = thrownText(thrown)
  return new GateError(code, context === undefined ? text : `${context}: ${text}`, { cause: thrown })
}
