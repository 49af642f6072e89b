/** Starts up to `limit` at a time and gives the results in the order of the items. */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  start: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  let started: Promise<R>[] = []
  for await (const item of items) {
    const result = start(item)
    // Whoever awaits it below gets the rejection; until then it must not count as unhandled.
    result.catch(() => undefined)
    started.push(result)
    const [first] = started
    if (started.length < limit || first === undefined) continue
    started = started.slice(1)
    yield await first
  }
  for (const result of started) yield await result
}
