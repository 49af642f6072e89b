import { member } from './api-objects.js'

/** The API server refused a request: `reason` and `message` are those of its Status. */
export class ApiError extends Error {
  readonly status: number
  readonly reason: string
  /** The Status object, or what else the server sent. */
  readonly body: unknown

  constructor(request: string, response: { status: number; body: unknown; text: string }) {
    const { status, body, text } = response
    const message = member(body, 'message')
    super(typeof message === 'string' ? message : `${request}: HTTP ${status}: ${text.slice(0, 500)}`)
    this.name = 'ApiError'
    this.status = status
    const reason = member(body, 'reason')
    this.reason = typeof reason === 'string' ? reason : ''
    this.body = body
  }
}

/**
 * What the API server says when it refuses a request; null when it does not.
 *
 * @throws what is no refusal
 */
export async function refusal(
  request: Promise<unknown>,
): Promise<{ status: number; reason: string; message: string } | null> {
  try {
    await request
    return null
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const { status, reason, message } = error
    return { status, reason, message }
  }
}
