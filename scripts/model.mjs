// The risk model: `data` lays validation out as a directory to evaluate, `train` makes the trained files and their card,
// `evaluate` scores a directory with the released bundle. Python and its packages are in a cache outside the checkout.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compile, ROOT } from './compile.mjs'

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lockkeeper')
const training = join(ROOT, 'model/training')

const usage = `usage: npm run model:data -- --corpus <dir> --out <dir>
       npm run model:train -- --corpus <dir> [--validation]
       npm run model:evaluate -- --data <dir> [--scores <file>]`

const commands = { data, train, evaluate }
const [name = '', ...args] = process.argv.slice(2)
if (!Object.hasOwn(commands, name)) fail(usage)
commands[name](args)

function fail(message) {
  console.error(message)
  process.exit(2)
}

/** The options, all of which but the named ones are needed. */
function optionsOf(args, options, optional = []) {
  let values
  try {
    values = parseArgs({ args, options }).values
  } catch (error) {
    fail(`${error.message}\n${usage}`)
  }
  for (const each of Object.keys(options)) {
    if (values[each] === undefined && !optional.includes(each)) fail(`--${each} is missing\n${usage}`)
  }
  return values
}

/** Runs a program to its end; ends this one where that fails. */
function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', ...options })
  if (error) fail(`${program} could not be started: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

/** Validation in the names that `evaluate` reads. */
function data(args) {
  const { corpus, out } = optionsOf(args, { corpus: { type: 'string' }, out: { type: 'string' } })
  mkdirSync(out, { recursive: true })
  copyFileSync(join(corpus, 'validation.jsonl.gz'), join(out, 'manifests.jsonl.gz'))
  copyFileSync(join(corpus, 'changes-validation.jsonl.gz'), join(out, 'changes.jsonl.gz'))
}

function train(args) {
  const options = { corpus: { type: 'string' }, validation: { type: 'boolean' } }
  const { corpus, validation = false } = optionsOf(args, options, ['validation'])
  const python = pythonWithPackages()
  compile()
  const matrices = join(cache, 'model-matrices')
  const parts = ['train', ...(validation ? ['validation'] : [])]
  for (const part of parts) writeMatrices(resolve(corpus), part, join(matrices, part))
  run(python, [
    join(training, 'train.py'),
    ...['--corpus', resolve(corpus), '--matrices', matrices, '--out', join(ROOT, 'model/trained')],
    ...(validation ? ['--validation'] : []),
  ])
  run(process.execPath, [join(ROOT, 'node_modules/.bin/prettier'), '--write', '--log-level', 'warn', 'model'])
}

/** The inputs of the models for one part of the corpus, by the code that serves. */
function writeMatrices(corpus, part, out) {
  const inputs = [`${part}.jsonl.gz`, `changes-${part}.jsonl.gz`].map(each => join(corpus, each))
  run(process.execPath, [join(ROOT, 'build/src/cli/main.js'), 'features', ...inputs, '--out', out])
}

/** Python in an environment of its own, which holds exactly what requirements.txt names. */
function pythonWithPackages() {
  const requirements = readFileSync(join(training, 'requirements.txt'))
  const key = createHash('sha256').update(requirements).digest('hex').slice(0, 16)
  const directory = join(cache, 'model', `python-${key}`)
  const python = join(directory, 'bin/python')
  const complete = join(directory, 'complete')
  if (existsSync(complete)) return python
  rmSync(directory, { recursive: true, force: true })
  run(process.env.PYTHON ?? 'python3', ['-m', 'venv', directory])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--no-deps']
  run(python, [...pip, '--requirement', join(training, 'requirements.txt')])
  // An environment whose installation was interrupted is made anew.
  copyFileSync(join(training, 'requirements.txt'), `${complete}.part`)
  renameSync(`${complete}.part`, complete)
  return python
}

function evaluate(args) {
  compile()
  run(process.execPath, ['--enable-source-maps', join(ROOT, 'build/model/evaluate.js'), ...args])
}
