/** Sets an entry as the newest one; the oldest one goes when there are more than `maxEntries`. */
export function keepNewest<T>(map: Map<string, T>, key: string, value: T, maxEntries: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= maxEntries) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
