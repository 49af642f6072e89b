// Runs the tests that need real programs, where nothing can leave or come in: a network and PID namespace of their own.
//   e2e.mjs e2e|long [file below build/…]
import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, mkdtempSync } from 'node:fs'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { locate } from './go-programs.mjs'

const SUITES = { e2e: ['build/test/e2e'], long: ['build/test/e2e', 'build/test/long'] }

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

const [suite, ...files] = process.argv.slice(2)
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

const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-e2e-'))
try {
  process.exitCode = run()
} finally {
  remove(directory)
}

function run() {
  const temporary = join(directory, 'tmp')
  mkdirSync(temporary, { mode: 0o1777 })
  const targets = files.length > 0 ? files : SUITES[suite]
  // One file at a time: each starts a cluster of its own, and there may be only two cores.
  const test = [process.execPath, 'scripts/test.mjs', '--jobs=1', '--timeout=1200', ...targets]
  const [isolation] = ISOLATIONS.filter(each => spawnSync('unshare', [...each, 'true']).status === 0)
  const env = { ...process.env, TMPDIR: temporary }
  const options = { cwd: new URL('..', import.meta.url).pathname, stdio: 'inherit', env }
  if (isolation === undefined) {
    console.log('# this machine allows no namespaces: the programs listen on free ports of its loopback interface')
    return spawnSync(test[0], test.slice(1), options).status ?? 1
  }
  // With its first process the whole PID namespace ends, however that happens.
  const script = 'ip link set lo up && exec "$@"'
  const command = ['--pdeathsig', 'KILL', '--', 'unshare', ...isolation, 'sh', '-c', script, 'sh', ...test]
  return spawnSync('setpriv', command, options).status ?? 1
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
