import { format, resolveConfig } from 'prettier'
import type { DefaultsTable } from '../../../src/canonical.js'
import { ROOT } from '../repository.js'
import type { Testbed } from '../testbed/testbed.js'
import { observeKind, type Observation } from './observe.js'
import { readServedTypes, type ServedKind } from './openapi.js'
import { buildTable } from './table.js'
import { startWitness } from './witness.js'

/** Where the table is kept, below the root of the repository. */
export const DEFAULTS_FILE = 'policies/data/defaults.json'

/** For whoever opens the file. */
const ABOUT = [
  'What the API server of Kubernetes 1.37 fills in, and what it owns: recorded from a running one by "npm run defaults", which also writes src/canonical/defaults.ts.',
  'What cannot be recorded is in test/helpers/defaults/kept.ts, with the reason; edit that file, not this one.',
  'kinds: <apiVersion>/<kind> to its type. types: what canonical.ts drops or respells in an object of that type; "A in B.c" is A as it behaves as member c of B.',
  'server: members that the API server owns, dropped whatever they hold; defaults: dropped when they hold this value;',
  'zero: members whose zero value (false, 0, "", {}) the API server cannot tell from an absent one; null and empty lists are dropped in every type that is not custom;',
  'members: the types of members ([]T a list, {}T a map; Quantity, ResourceList, IntOrString, Duration and Bytes are values with many spellings, Raw is kept as it is);',
  'rules: defaults that depend on a neighbour, in src/canonical/rules.ts; extends: all of the named type and more; custom: a custom resource, only what is named here is touched.',
]

/** Starts an API server, tries every type of every kind it serves and builds the table of defaults from what it does. */
export async function recordDefaults(bed: Testbed): Promise<DefaultsTable> {
  const witness = await startWitness(bed)
  const served = await readServedTypes(witness.plane.admin)
  const observed = new Map<ServedKind, readonly Observation[]>()
  for (const kind of served.kinds) observed.set(kind, await observeKind(witness, served, kind))
  return buildTable(served, observed)
}

/** The content of DEFAULTS_FILE. */
export async function defaultsText(table: DefaultsTable): Promise<string> {
  const options = await resolveConfig(`${ROOT}/${DEFAULTS_FILE}`)
  return format(JSON.stringify({ about: ABOUT, ...table }), { ...options, parser: 'json' })
}
