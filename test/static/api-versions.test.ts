import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { groupOf } from '../../src/workload.js'
import { ROOT } from '../helpers/repository.js'

const text = readFileSync(join(ROOT, 'policies/data/api_versions.json'), 'utf8')
const { kinds: table } = (
  JSON.parse(text) as { lockkeeper: { api_versions: { kinds: Record<string, Record<string, unknown>> } } }
).lockkeeper.api_versions
const { cards } = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })

/** `<group>/<kind>`, each once. */
const wanted = [
  ...new Set(
    Object.entries(table).flatMap(([apiVersion, kinds]) =>
      Object.keys(kinds).map(kind => `${groupOf(apiVersion)}/${kind}`),
    ),
  ),
].sort()

for (const id of ['deprecated_api_versions', 'removed_api_versions']) {
  t.test(`${id} judges the kinds of the table, and no others`, t => {
    const { kinds = [] } = cards.find(each => each.id === id)?.match ?? {}
    const found = kinds.flatMap(({ apiGroups, kinds }) =>
      apiGroups.flatMap(group => kinds.map(kind => `${group}/${kind}`)),
    )
    t.strictSame(found.sort(), wanted)
    t.end()
  })
}
