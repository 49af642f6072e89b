/** Where the lines of a decision log go. Nothing here throws or waits: a review never stands behind its own log. */
export interface Sink {
  /** Takes one JSON text, or drops and counts it. */
  write(line: string): void
  /** Takes no more, and delivers what waits within a bound; what is left then is dropped and counted. */
  close(): Promise<void>
}

/** What a sink tells of itself. */
export interface SinkEvents {
  readonly onWritten: (events: number) => void
  readonly onDropped: (events: number) => void
  /** Once when it begins to fail, not for every event; null when it works again. */
  readonly onFailing: (error: unknown) => void
}
