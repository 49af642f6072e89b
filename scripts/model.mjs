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
       npm run model:train -- --corpus <dir> [--validation] [--quick]
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
  const flags = { validation: { type: 'boolean' }, quick: { type: 'boolean' } }
  const options = optionsOf(args, { corpus: { type: 'string' }, ...flags }, Object.keys(flags))
  const corpus = resolve(options.corpus)
  const python = pythonWithPackages()
  compile()
  const matrices = join(cache, 'model', 'matrices')
  rmSync(matrices, { recursive: true, force: true })
  const chosen = Object.keys(flags).filter(each => options[each] === true)
  for (const part of ['train', ...(options.validation ? ['validation'] : [])]) {
    writeMatrices(join(corpus, `${part}.jsonl.gz`), join(corpus, `changes-${part}.jsonl.gz`), join(matrices, part))
  }
  writeExamples(python, corpus, join(matrices, 'examples'))
  writeVectors(python, join(matrices, 'fixtures'))
  run(python, [
    join(training, 'train.py'),
    ...['--corpus', corpus, '--matrices', matrices, '--out', join(ROOT, 'model/trained')],
    ...['--card', join(ROOT, 'model/README.md')],
    ...chosen.map(each => `--${each}`),
  ])
}

/** The inputs of the models, by the code that serves. */
function writeMatrices(manifests, changes, out) {
  const files = ['--manifests', manifests, '--changes', changes, '--out', out]
  run(process.execPath, ['--enable-source-maps', join(ROOT, 'build/model/main.js'), 'matrices', ...files])
}

/** What a test compares with the features in Node. */
function writeVectors(python, matrices) {
  const fixtures = join(ROOT, 'test/fixtures/risk')
  writeMatrices(join(fixtures, 'objects.jsonl'), join(fixtures, 'changes.jsonl'), matrices)
  run(python, [join(training, 'vectors.py'), matrices, join(fixtures, 'vectors.json')])
}

/** Dangerous objects and changes of our own, and their matrices. */
function writeExamples(python, corpus, out) {
  run(python, [join(training, 'synthesis.py'), corpus, join(out, 'records')])
  const records = join(out, 'records')
  const parts = { objects: [join(records, 'objects.jsonl.gz'), join(records, 'none.jsonl.gz')] }
  parts.changes = [join(corpus, 'train.jsonl.gz'), join(records, 'changes.jsonl.gz')]
  for (const [name, files] of Object.entries(parts)) {
    writeMatrices(...files, join(out, name))
    copyFileSync(join(records, `${name}.jsonl.gz`), join(out, name, `${name}.jsonl.gz`))
  }
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
  run(process.execPath, ['--enable-source-maps', join(ROOT, 'build/model/main.js'), 'evaluate', ...args])
}
