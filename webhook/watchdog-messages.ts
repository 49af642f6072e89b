/** What the main thread and its watchdog share: two Int32. */
export const HEARTBEATS = 0
/** 1: ready to judge */
export const READY = 1
export const SHARED_BYTES = 8

/** What the watchdog starts with. */
export interface WatchdogStart {
  readonly shared: SharedArrayBuffer
  readonly address: string
  /** 0: a free one */
  readonly port: number
  /** Without a heartbeat for so long the gate is not ready. */
  readonly readyWithinMs: number
  /** Without a heartbeat for so long the process is as good as dead. */
  readonly liveWithinMs: number
}

/** From the watchdog: where it listens; that it asks for the metrics. */
export type FromWatchdog =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'metrics' }

/** To the watchdog. */
export type ToWatchdog = { readonly kind: 'metrics'; readonly text: string } | { readonly kind: 'close' }
