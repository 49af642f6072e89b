/** Bounds the bytes of all bodies that are being read or judged: a burst of large reviews must not take the memory. */
export interface BodyBudget {
  /** Takes so many bytes; null when they are not left. @returns gives them back; more than one call does no more */
  take(bytes: number): (() => void) | null
  readonly takenBytes: number
}

export function createBodyBudget(maxBytes: number): BodyBudget {
  let taken = 0
  return {
    take(bytes) {
      // One that is larger than everything may come alone.
      if (taken > 0 && taken + bytes > maxBytes) return null
      taken += bytes
      let isHeld = true
      return () => {
        if (isHeld) taken -= bytes
        isHeld = false
      }
    },
    get takenBytes() {
      return taken
    },
  }
}
