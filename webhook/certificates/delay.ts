/** Calls back once after a time, unless what it returns is called before. */
export type Delay = (delayMs: number, callback: () => void) => () => void

/** By the platform's timers. */
export const delay: Delay = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs)
  return () => {
    clearTimeout(timer)
  }
}
