/** Tells of the first failure and, as null, of the first success after it: a receiver that is away is one line in a log. */
export function createFailureNotice(onFailing: (error: unknown) => void): (error: unknown) => void {
  let failing = false
  return error => {
    if (failing === (error !== null)) return
    failing = error !== null
    onFailing(error)
  }
}
