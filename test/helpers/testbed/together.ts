/**
 * Waits until all have ended, also when one fails: whatever a part of the test bed starts is then known to the bed.
 * (`Promise.all` would return while the others still start processes.)
 *
 * @throws the first error in the order of the arguments
 */
export async function together<T extends readonly unknown[] | []>(
  parts: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  for (const result of await Promise.allSettled(parts)) if (result.status === 'rejected') throw result.reason as Error
  return Promise.all(parts)
}
