// Runs the tests that need real programs, two files at a time, each where nothing can leave or come in: a network and PID
// namespace of its own.
//   e2e.mjs e2e|long [file below build/…]
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, lstatSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { compile, ROOT } from './compile.mjs'
import { locate } from './go-programs.mjs'
import { readTap } from './tap-output.mjs'

const SUITES = { e2e: ['build/test/e2e'], long: ['build/test/e2e', 'build/test/long'] }
/** Most of them wait most of the time; more at once would be in each other's way on two cores. */
const JOBS = 2
/** For a test and for all that is in it. */
const TIMEOUT_SECONDS = 1200

/** The programs of the operating system, and the Debian packages that have them. */
const SYSTEM = {
  git: 'git',
  ip: 'iproute2',
  'redis-server': 'redis-server',
  setpriv: 'util-linux',
  unshare: 'util-linux',
}

const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
/** As root, and as anybody else where user namespaces are allowed. */
const ISOLATIONS = [NAMESPACES, ['--user', '--map-root-user', ...NAMESPACES]]

const [suite, ...named] = process.argv.slice(2)
if (!Object.hasOwn(SUITES, suite ?? '')) {
  console.error('usage: node scripts/e2e.mjs e2e|long [file…]')
  process.exit(2)
}
const missing = missingParts()
if (missing.length > 0) {
  for (const each of missing) console.error(`missing: ${each}`)
  console.log('0 passed, 1 failed')
  process.exit(1)
}
compile()

const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-e2e-'))
try {
  process.exitCode = (await runAll()) ? 0 : 1
} finally {
  remove(directory)
}

async function runAll() {
  const isolation = ISOLATIONS.find(each => spawnSync('unshare', [...each, 'true']).status === 0)
  if (isolation === undefined) {
    console.log('# this machine allows no namespaces: the programs listen on free ports of its loopback interface')
  }
  const waiting = named.length > 0 ? [...named] : SUITES[suite].flatMap(testFiles).sort((a, b) => size(b) - size(a))
  const total = { passed: 0, failed: 0 }
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const started = performance.now()
      const lines = []
      const child = start(file, isolation)
      const ended = new Promise(resolve => child.once('close', resolve))
      const read = await readTap(child.stdout, line => lines.push(line))
      const { passed } = read
      const failed = read.failed === 0 && (await ended) !== 0 ? 1 : read.failed
      total.passed += passed
      total.failed += failed
      const seconds = Math.round((performance.now() - started) / 1000)
      console.log([`\n# ${file}: ${passed} passed, ${failed} failed, ${seconds} s`, ...lines].join('\n'))
    }
  }
  await Promise.all(Array.from({ length: JOBS }, lane))
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0
}

/** The longest first, as far as their size tells: none is left over for the end. */
function size(file) {
  return statSync(join(ROOT, file)).size
}

function testFiles(folder) {
  const found = readdirSync(join(ROOT, folder)).filter(each => each.endsWith('.test.js'))
  return found.map(each => `${folder}/${each}`)
}

/** A test file is a program that prints TAP. */
function start(file, isolation) {
  const temporary = mkdtempSync(join(directory, 'tmp-'))
  chmodSync(temporary, 0o1777)
  const env = { ...process.env, TMPDIR: temporary, TAP_TIMEOUT: String(TIMEOUT_SECONDS) }
  const options = { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], env }
  const test = [process.execPath, '--enable-source-maps', file]
  if (isolation === undefined) return spawn(test[0], test.slice(1), options)
  // With its first process the whole PID namespace ends, however that happens.
  const script = 'ip link set lo up && exec "$@"'
  const command = ['--pdeathsig', 'KILL', '--', 'unshare', ...isolation, 'sh', '-c', script, 'sh', ...test]
  return spawn('setpriv', command, options)
}

function missingParts() {
  const programs = JSON.parse(readFileSync(new URL('../test/e2e/tools/programs.json', import.meta.url), 'utf8'))
  const unbuilt = Object.entries(programs).filter(([name, each]) => each.group === 'e2e' && !locate(name, each).isBuilt)
  const found = unbuilt.map(([name]) => `the program ${name}: run "npm run e2e:tools"`)
  for (const [command, name] of Object.entries(SYSTEM)) {
    if (!isOnPath(command)) found.push(`${command}: install the package ${name} of your operating system`)
  }
  if (suite === 'long' && process.env.LOCKKEEPER_CORPUS === undefined) {
    found.push(
      'manifests to judge: name a directory of *.jsonl.gz files, each line with a "manifest", in LOCKKEEPER_CORPUS',
    )
  }
  return found
}

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some(each => {
    try {
      accessSync(join(each, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** A test that was killed leaves its files, and Argo CD takes all permissions from its work trees. */
function remove(path) {
  const open = each => {
    if (!lstatSync(each).isDirectory()) return
    chmodSync(each, 0o700)
    for (const name of readdirSync(each)) open(join(each, name))
  }
  open(path)
  rmSync(path, { recursive: true, force: true, maxRetries: 3 })
}
