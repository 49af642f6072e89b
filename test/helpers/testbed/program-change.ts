/** Arguments and variables for a program on top of those the test bed sets; the last one of a name counts. */
export interface ProgramChange {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}
