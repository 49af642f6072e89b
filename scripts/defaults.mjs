// Records anew what the API server fills in (policies/data/defaults.json) and writes the table that the source compiles (src/canonical/defaults.ts).
// Needs the programs of `npm run e2e:tools`.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const tsc = new URL('../node_modules/.bin/tsc', import.meta.url).pathname
const compiled = spawnSync(tsc, ['-p', 'tsconfig.json'], { cwd: root.pathname, stdio: 'inherit' })
if (compiled.status !== 0) process.exit(1)

const { createTestbed } = await import('../build/test/helpers/testbed/testbed.js')
const { DEFAULTS_FILE, defaultsText, recordDefaults } = await import('../build/test/helpers/defaults/record.js')

let passing = false
const bed = createTestbed({ teardown: () => {}, passing: () => passing, comment: text => console.error(text) })
try {
  const table = await recordDefaults(bed)
  writeFileSync(new URL(DEFAULTS_FILE, root), await defaultsText(table))
  passing = true
  await import('./write-defaults-table.mjs')
  const { kinds, types } = table
  console.log(`${DEFAULTS_FILE}: ${Object.keys(kinds).length} kinds, ${Object.keys(types).length} types`)
} finally {
  await bed.close()
}
