import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { explain } from '../../../../src/cli/explain.js'
import type { SetDecision } from '../../../../src/decision-types.js'
import { lockkeeper } from '../../../helpers/command.js'
import { CLI } from '../../../helpers/repository.js'
import { BAD, changedBundle, file, GOOD } from '../../../helpers/scan-inputs.js'

// Every case starts the program, which takes long where other tests run beside it.
t.setTimeout(180_000)

t.test('a scan with the built-in bundle says so on stderr, and prints the report on stdout', t => {
  const path = file(t, BAD)
  const { status, stdout, stderr } = lockkeeper(['scan', path])
  t.equal(status, 1)
  t.match(stderr, /^lockkeeper: no --bundle named, judging with the built-in one \(sha256:[0-9a-f]{64}\)\n$/)
  t.match(
    stdout,
    new RegExp(
      `^✗ Pod shop/debug  ${path}:1  DENIED\n  ✗ node_takeover  critical  x\\.yaml:12  container "debug" is privileged`,
    ),
  )
  t.match(stdout, /\n1 object judged: 1 denied \(bundle built-in, sha256:[0-9a-f]{12}, revision \S+\)\n$/)
  t.strictSame(lockkeeper(['scan', '--quiet', path]), { status: 1, stdout: '', stderr: '' })
  t.match(lockkeeper(['scan', path], { env: { FORCE_COLOR: '1' } }).stdout, '\u001b[31m')
  t.notMatch(lockkeeper(['scan', path], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }).stdout, '\u001b')
  const bytes = [1, 2].map(() => lockkeeper(['scan', '--format', 'json', '--now', '2026-01-01T00:00:00Z', path]).stdout)
  t.equal(bytes[0], bytes[1], 'the same input gives the same bytes')
  t.end()
})

t.test('policies and bundles can be read about', t => {
  const list = lockkeeper(['policy', 'list'])
  t.equal(list.status, 0)
  t.match(list.stdout, /^privileged_containers +critical +\S/m)
  const cards = JSON.parse(lockkeeper(['policy', 'list', '--format', 'json']).stdout) as { id: string }[]
  t.equal(list.stdout.trim().split('\n').length, cards.length)
  const show = lockkeeper(['policy', 'show', 'host_ports'])
  t.match(show.stdout, /^host_ports: .+\n\n[^]+ {2}severity +medium\n {2}action +deny/)
  t.match(JSON.parse(lockkeeper(['policy', 'show', 'host_ports', '--format', 'json']).stdout), {
    id: 'host_ports',
    severity: 'medium',
  })
  const unknown = lockkeeper(['policy', 'show', 'nothing'])
  t.equal(unknown.status, 2)
  t.match(unknown.stderr, 'no policy has the id nothing; the bundle has ')

  const exceptions = 'apiVersion: lockkeeper.dev/v1alpha1\nkind: Exception\nmetadata: {name: wrong}\nspec: {}\n'
  const bundle = changedBundle(t, { 'lockkeeper/exceptions/wrong.yaml': exceptions })
  const inspected = lockkeeper(['bundle', 'inspect', bundle])
  t.equal(inspected.status, 0)
  t.match(inspected.stdout, /^digest +sha256:[0-9a-f]{64}\n/m)
  t.match(inspected.stdout, /^signature +none\n/m)
  t.match(inspected.stdout, /^exceptions +wrong: .*invalid \(/m)
  const json = JSON.parse(lockkeeper(['bundle', 'inspect', '--format', 'json']).stdout) as Record<string, unknown>
  t.match(json, { digest: /^sha256:/, signed: false, exceptions: [], policies: cards })
  t.equal(lockkeeper(['bundle', 'inspect', '/nowhere']).status, 2)
  t.end()
})

/** What `explain` prints, without the start of a process. */
async function explained(wanted: string, from: string, stdin = ''): Promise<string> {
  let written = ''
  const write = (text: string): boolean => {
    written += text
    return true
  }
  const environment: CliEnvironment = {
    stdin: Readable.from([stdin]),
    stdout: { write, once: () => undefined },
    stderr: { write, once: () => undefined },
    env: {},
    now: new Date(0),
    signal: new AbortController().signal,
    createPool: () => Promise.reject(new Error('nothing is judged')),
  }
  await explain(wanted, { from, format: 'json' }, environment)
  return written
}

t.test('a stored Decision is found by id, subject and object', async t => {
  const path = file(t, `${BAD}---\n${GOOD}`)
  const set = lockkeeper(['scan', '--format', 'json', path]).stdout
  const { decisions } = JSON.parse(set) as SetDecision
  const [pod] = decisions
  if (pod === undefined) throw new Error('there is no Decision')
  const stored = {
    'a SetDecision': set,
    'a Decision': JSON.stringify(pod),
    'lines of Decisions': `${decisions.map(each => JSON.stringify(each)).join('\n')}\n`,
    'lines of SetDecisions': [1, 2].map(() => JSON.stringify(JSON.parse(set))).join('\n'),
  }
  for (const [name, text] of Object.entries(stored)) {
    const from = join(dirname(path), 'stored.json')
    writeFileSync(from, text)
    for (const wanted of [pod.id, pod.subject, pod.id.slice(0, 8), 'Pod/shop/debug', 'pod/shop/debug']) {
      t.strictSame(JSON.parse(await explained(wanted, from)), pod, `${name}: ${wanted}`)
    }
  }
  const printed = lockkeeper(['explain', 'Pod/shop/debug'], { input: set })
  t.match(printed.stdout, /^✗ Pod shop\/debug .* DENIED\n/)
  t.match(printed.stdout, `\nid             ${pod.id}\n`)
  const refused: Record<string, readonly [string, string, string, string | RegExp]> = {
    'nothing has that id': [
      '0000000000',
      set,
      'DECISION_NOT_FOUND',
      'stdin has no Decision for 0000000000 among its 2',
    ],
    'an id that is too short': [pod.id.slice(0, 3), set, 'DECISION_NOT_FOUND', /among its 2/],
    'nothing is stored': ['x', '', 'DECISION_NOT_FOUND', /^stdin holds no Decision/],
    'something else is stored': ['x', '{"id":"x"}', 'DECISION_NOT_FOUND', /^stdin holds no Decision/],
    'no JSON': ['x', 'text', 'DECISION_NOT_FOUND', 'stdin is neither JSON nor JSON lines'],
    'several are meant': [
      'Pod/shop/debug',
      `${JSON.stringify(pod)}\n${JSON.stringify({ ...pod, id: 'another-one' })}`,
      'USAGE',
      /^Pod\/shop\/debug means 2 Decisions in stdin; ask for one id:\n.*\nanother-one Pod shop\/debug$/,
    ],
  }
  for (const [name, [wanted, stdin, code, message]] of Object.entries(refused)) {
    await t.rejects(explained(wanted, '-', stdin), { code, message }, name)
  }
  const { status, stdout, stderr } = lockkeeper(['explain', '0000000000'], { input: set })
  t.strictSame({ status, stdout }, { status: 2, stdout: '' })
  t.match(stderr, /^lockkeeper: .*\(DECISION_NOT_FOUND\)\n$/)
})

t.test('a wrong command line is exit code 2 with a hint and nothing on stdout', t => {
  const cases: Record<string, readonly [readonly string[], readonly string[]]> = {
    'no command': [[], ['Usage: lockkeeper', 'which command? (USAGE)']],
    'an unknown command': [
      ['scann'],
      ["unknown command 'scann' (USAGE)", 'Did you mean scan?', 'see lockkeeper --help'],
    ],
    'an unknown option': [
      ['scan', '--formt', 'x'],
      ["unknown option '--formt' (USAGE)", 'Did you mean --format?', 'see lockkeeper scan --help'],
    ],
    'a value that is none of the choices': [
      ['scan', '--format', 'xml'],
      ['Allowed choices are text, json, sarif, junit, github, openreports.'],
    ],
    'no whole number': [['scan', '--workers', '1.5'], ['It must be a whole number from 1 to 256. (USAGE)']],
    'no time': [['scan', '--now', 'yesterday'], ['It must be a time such as 2026-01-31T12:00:00Z. (USAGE)']],
    'an argument is missing': [
      ['policy', 'show'],
      ["missing required argument 'id' (USAGE)", 'see lockkeeper policy show --help'],
    ],
    'an argument too many': [['policy', 'list', 'x'], ['too many arguments']],
  }
  for (const [name, [args, says]] of Object.entries(cases)) {
    const { status, stdout, stderr } = lockkeeper(args)
    t.strictSame({ status, stdout }, { status: 2, stdout: '' }, name)
    for (const text of says) t.match(stderr, text, name)
  }
  t.end()
})

t.test('every command has help with examples', t => {
  for (const command of ['', 'scan', 'policy list', 'policy show', 'bundle inspect', 'explain', 'feedback']) {
    const { status, stdout, stderr } = lockkeeper([...command.split(' ').filter(word => word !== ''), '--help'])
    t.strictSame({ status, stderr }, { status: 0, stderr: '' }, command)
    t.match(stdout, /^Usage: lockkeeper/)
    t.match(stdout, /\nExamples:\n( {2}\S.*\n){2,}/)
  }
  t.match(lockkeeper(['--version']).stdout, /^\d+\.\d+\.\d+\n$/)
  t.end()
})

t.test('an interrupted scan ends at once and says nothing', async t => {
  const child = spawn(process.execPath, [CLI, 'scan', '-'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    // The first line is said when everything is ready and stdin is waited for.
    child.kill('SIGINT')
  })
  const [code] = (await once(child, 'close')) as [number | null]
  t.equal(code, 130)
  t.match(stderr, /^lockkeeper: no --bundle named.*\n$/)
})

t.test('a reader that has seen enough is no error to talk about', async t => {
  const pods = Array.from({ length: 2_000 }, (_, index) => BAD.replace('name: debug', `name: p${index}`))
  const path = file(t, pods.join('---\n'))
  const child = spawn(process.execPath, [CLI, 'scan', '--quiet', '--format', 'json', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdout.once('data', () => child.stdout.destroy())
  const [code] = (await once(child, 'close')) as [number | null]
  t.strictSame({ code, stderr }, { code: 2, stderr: '' })
})
