// Writes src/canonical/defaults.ts from policies/data/defaults.json. Run it after editing the table: node scripts/write-defaults-table.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'

const root = new URL('../', import.meta.url)
const table = JSON.parse(readFileSync(new URL('policies/data/defaults.json', root), 'utf8'))
const target = new URL('src/canonical/defaults.ts', root)
const source = `// Written by scripts/write-defaults-table.mjs from policies/data/defaults.json: edit that file, not this one.
import type { DefaultsTable } from '../canonical.js'

/** What the API server fills in and what it owns, by kind: the table that canonical.ts drops by. */
export const DEFAULTS: DefaultsTable = ${JSON.stringify({ kinds: table.kinds, types: table.types })}
`
const options = await resolveConfig(target.pathname)
writeFileSync(target, await format(source, { ...options, parser: 'typescript' }))
