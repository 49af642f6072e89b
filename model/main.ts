import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { GateError, thrownText } from '../src/errors.js'
import { evaluate } from './evaluate.js'
import { writeMatrices } from './matrices.js'

const USAGE = `usage: main.js matrices (--data <dir> | --manifests <file> --changes <file>) --out <dir>
       main.js evaluate (--data <dir> | --manifests <file> --changes <file>) --scorer <module> [--scores <file>]`

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string', default: '.' },
      manifests: { type: 'string' },
      changes: { type: 'string' },
      out: { type: 'string' },
      scorer: { type: 'string' },
      scores: { type: 'string' },
    },
  })
  const { data, out, scorer, scores } = values
  const files = {
    manifests: values.manifests ?? join(data, 'manifests.jsonl.gz'),
    changes: values.changes ?? join(data, 'changes.jsonl.gz'),
  }
  if (positionals[0] === 'matrices' && out !== undefined) {
    const { objects, changes } = await writeMatrices(files, out)
    process.stdout.write(`${objects} objects and ${changes} changes written to ${out}\n`)
  } else if (positionals[0] === 'evaluate' && scorer !== undefined) {
    const threads = Math.min(8, availableParallelism())
    const options = { files, scorer: pathToFileURL(resolve(scorer)), threads }
    const evaluation = await evaluate({ ...options, ...(scores === undefined ? {} : { scores }) })
    process.stdout.write(`${JSON.stringify(evaluation, null, 2)}\n`)
  } else throw new GateError('USAGE', USAGE)
} catch (error) {
  process.stderr.write(`${thrownText(error)}\n`)
  process.exitCode = 2
}
