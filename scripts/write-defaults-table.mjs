// Writes src/canonical/defaults.ts from policies/data/defaults.json: the last step of `npm run defaults`.
import { readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'

const root = new URL('../', import.meta.url)
const table = JSON.parse(readFileSync(new URL('policies/data/defaults.json', root), 'utf8'))
const target = new URL('src/canonical/defaults.ts', root)
const source = `// Written from policies/data/defaults.json by "npm run defaults": edit neither.
import type { DefaultsTable } from '../canonical.js'

/** What the API server fills in and what it owns, by kind: the table that canonical.ts drops by. */
export const DEFAULTS: DefaultsTable = ${JSON.stringify({ kinds: table.kinds, types: table.types })}
`
const options = await resolveConfig(target.pathname)
writeFileSync(target, await format(source, { ...options, parser: 'typescript' }))
