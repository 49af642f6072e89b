import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { readCorpus } from '../../../model/corpus.js'
import { changeRow } from '../../../model/matrices.js'
import { CHANGE_COLUMNS } from '../../../src/risk/change-input.js'
import { CorpusHistory } from '../../../model/history.js'
import { FEATURE_VERSION, OBJECT_FEATURES, objectFeatures } from '../../../src/risk/features.js'

interface Rows {
  /** The SHA-256 of the names of the columns. */
  readonly columns: string
  readonly rows: readonly { readonly id: string; readonly sha256: string; readonly values: Record<string, number> }[]
}
/** Written in Python by `model/training/vectors.py`. */
type Vectors = Readonly<Record<'objects' | 'changes', Rows>> & { readonly featureVersion: number }

const FIXTURES = new URL('../../../../test/fixtures/risk/', import.meta.url)
const expected = JSON.parse(readFileSync(new URL('vectors.json', FIXTURES), 'utf8')) as Vectors

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

async function rowsOf(name: 'objects' | 'changes'): Promise<Rows> {
  const columns = name === 'objects' ? OBJECT_FEATURES : CHANGE_COLUMNS
  const history = new CorpusHistory()
  const rows: Rows['rows'][number][] = []
  for await (const record of readCorpus(new URL(`${name}.jsonl`, FIXTURES).pathname)) {
    const values = name === 'objects' ? objectFeatures(record.object).values : changeRow(record, history)
    const bytes = Buffer.alloc(values.length * 4)
    values.forEach((value, column) => bytes.writeFloatLE(value, column * 4))
    const named = columns.flatMap(({ name: each }, column) => {
      const value = values[column] ?? 0
      return value === 0 ? [] : [[each, value] as const]
    })
    rows.push({ id: record.id, sha256: sha256(bytes), values: Object.fromEntries(named) })
  }
  return { columns: sha256(columns.map(({ name: each }) => each).join('\n')), rows }
}

t.test('features are the same in Node and in Python, bit for bit', async t => {
  t.equal(expected.featureVersion, FEATURE_VERSION, 'train anew: `npm run model:train` writes these vectors')
  for (const name of ['objects', 'changes'] as const) {
    t.ok(expected[name].rows.length >= 4, `${name} are compared`)
    t.strictSame(await rowsOf(name), expected[name], name)
  }
})
