/** What a caller is answered who does not get what was asked for. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: RefusalStatus

  constructor(status: RefusalStatus, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.status = status
  }
}

export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 413 | 422 | 429 | 500 | 503
