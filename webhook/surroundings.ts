import type { NamespaceDirectory } from '../src/io/pool.js'
import type { Bundle } from '../src/policy/bundle.js'
import type { Certificates } from '../src/io/certificates/material.js'

/** What a gate stands in: a cluster, or nothing at all. */
export interface Surroundings {
  readonly certificates: Certificates
  /** Adds a listener that is called with every certificate after the first. */
  onCertificate(listener: () => void): void
  /** Where the labels of namespaces come from; undefined: nobody can be asked. */
  readonly namespaces?: NamespaceDirectory
  /** When the gate may judge: what it has to know is known. */
  readonly known: Promise<void>
  /** The gate judges: who calls it may be told to. `bundle` gives the one in force. */
  begin(bundle: () => Bundle): void
  /** Another bundle is in force. */
  bundleChanged(): void
  /** The gate leaves: duties go to others at once. */
  leave(): Promise<void>
  /** Ends everything else. */
  close(): Promise<void>
}
