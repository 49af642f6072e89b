import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULTS_FILE, defaultsText, recordDefaults } from '../helpers/defaults/record.js'
import { ROOT } from '../helpers/repository.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

t.test('the API server fills in what the table of defaults says, and nothing else', async t => {
  const recorded = await recordDefaults(createTestbed(t))
  const text = await defaultsText(recorded)
  const committed = readFileSync(join(ROOT, DEFAULTS_FILE), 'utf8')
  // Parts first: a difference in a file of this size could not be read.
  const { kinds, types } = JSON.parse(committed) as typeof recorded
  t.strictSame(recorded.kinds, kinds)
  t.strictSame(Object.keys(recorded.types), Object.keys(types))
  for (const [name, type] of Object.entries(recorded.types)) {
    if (JSON.stringify(type) !== JSON.stringify(types[name])) t.strictSame(type, types[name], name)
  }
  t.ok(text === committed, 'byte for byte: run "npm run defaults" and look at what changed')
})
