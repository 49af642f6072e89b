import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { thrownText } from '../src/errors.js'
import { writeMatrices } from './matrices.js'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    manifests: { type: 'string' },
    changes: { type: 'string' },
    out: { type: 'string', default: 'features' },
  },
})
const data = values.data ?? '.'
const files = {
  manifests: values.manifests ?? join(data, 'manifests.jsonl.gz'),
  changes: values.changes ?? join(data, 'changes.jsonl.gz'),
}
try {
  if (positionals[0] !== 'matrices')
    throw new Error('usage: matrices --data <dir> | --manifests <file> --changes <file> --out <dir>')
  const { objects, changes } = await writeMatrices(files, values.out)
  process.stdout.write(`${objects} objects and ${changes} changes written to ${values.out}\n`)
} catch (error) {
  process.stderr.write(`${thrownText(error)}\n`)
  process.exitCode = 2
}
