const MAX_LISTED = 12

/** The different texts as an enumeration, cut where it gets long. */
export function listed(texts: readonly string[]): string {
  const different = [...new Set(texts)].sort()
  const shown = different.slice(0, MAX_LISTED).join(', ')
  return different.length > MAX_LISTED ? `${shown} and ${different.length - MAX_LISTED} more` : shown
}
