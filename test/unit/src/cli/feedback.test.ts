import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { giveFeedback, type FeedbackOptions } from '../../../../src/cli/feedback.js'
import { lockkeeper } from '../../../helpers/command.js'

t.setTimeout(120_000)

const ID = `sha256:${'ab12cd34'.repeat(8)}`
const OTHER = `sha256:${'ab12cd34'.repeat(7)}ffffffff`

/** An event of the decision log; `big` is a number that a double cannot hold. */
function eventText(id: string, user: string): string {
  return (
    `{"labels":{"id":"a"},"decision_id":"${id}","bundles":{"lockkeeper":{"revision":"r7"}},"path":"lockkeeper/review",` +
    `"input":{"request":{"uid":"u-1","name":"web"},"actor":{"user":"${user}","groups":["g"],"hourOfWeek":61},` +
    `"features":{"privileged":1,"big":9007199254740993}},` +
    `"result":{"subject":"sha256:s","action":"deny","resource":{"kind":"Pod","name":"web"},"allowed":false,` +
    `"violations":[{"policy":"one","message":"m"},{"policy":"two"},{"policy":"one"}],` +
    `"risk":{"score":0.9,"model":{"version":"3"},"contributions":[]}},"timestamp":"2026-06-03T13:45:06.789Z"}`
  )
}

const DECISION =
  '{"timestamp":"2026-06-03T13:45:06.789Z","bundles":{"lockkeeper":{"revision":"r7"}},"subject":"sha256:s",' +
  '"action":"deny","resource":{"kind":"Pod","name":"web"},"policies":["one","two"],' +
  '"risk":{"score":0.9,"model":{"version":"3"}},"request":{"uid":"u-1","name":"web"},' +
  '"actor":{"user":"alice","groups":["g"],"hourOfWeek":61},"features":{"privileged":1,"big":9007199254740993}}'

function recordText(decision: string, change: { id?: string; by?: string } = {}): string {
  const { id = ID, by = 'carol' } = change
  return (
    `{"time":"2026-06-04T08:00:00.000Z","decisionId":"${id}","label":"hostile","reason":"stolen token",` +
    `"by":"${by}","decision":${decision}}\n`
  )
}

/** What the command prints, without the start of a process. */
async function feedback(
  wanted: string,
  { by = 'carol', ...options }: Partial<FeedbackOptions> & { readonly out: string },
  env: Record<string, string> = {},
): Promise<string> {
  let written = ''
  const write = (text: string): boolean => {
    written += text
    return true
  }
  const environment: CliEnvironment = {
    stdin: Readable.from([]),
    stdout: { write, once: () => undefined },
    stderr: { write, once: () => undefined },
    env,
    now: new Date('2026-06-04T08:00:00Z'),
    signal: new AbortController().signal,
    createPool: () => Promise.reject(new Error('nothing is judged')),
  }
  const who = Object.keys(env).length === 0 ? { by } : {}
  await giveFeedback(wanted, { label: 'hostile', reason: ' stolen token ', ...who, ...options }, environment)
  return written
}

t.test('a record has what was said and the facts of the last event about the Decision', async t => {
  const directory = t.testdir()
  const [plain, packed, out] = ['log.jsonl', 'log.jsonl.gz', 'out.jsonl'].map(name => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const log = `${eventText(ID, 'bob')}\n\nno json\n[1]\n${eventText(OTHER, 'eve')}\n${eventText(ID, 'alice')}\n{"decision_id":"sha`
  writeFileSync(plain, log)
  writeFileSync(packed, gzipSync(log))
  const ways: Record<string, readonly [string, string]> = {
    'a whole id': [ID, plain],
    'without the name of the algorithm': [ID.slice(7), plain],
    'from a packed log': [ID, packed],
    'cut to what is still unique': [ID.slice(0, 7 + 60), plain],
  }
  let expected = ''
  for (const [name, [wanted, from]] of Object.entries(ways)) {
    t.equal(await feedback(wanted, { from, out }), `${ID} is hostile: recorded in ${out}\n`, name)
    expected += recordText(DECISION)
    t.equal(readFileSync(out, 'utf8'), expected, name)
  }
  t.equal(statSync(out).mode & 0o777, 0o600, 'for nobody else to read')
})

t.test('without a log only what was said is recorded, for a whole id', async t => {
  const out = join(t.testdir(), 'out.jsonl')
  await feedback(ID.slice(7), { out })
  t.equal(readFileSync(out, 'utf8'), recordText('null'))
})

t.test('an event without a model or a Decision leaves out what it does not have', async t => {
  const directory = t.testdir()
  const [from, out] = [join(directory, 'log.jsonl'), join(directory, 'out.jsonl')]
  writeFileSync(from, '{"decision_id":"00000000-0000-0000-0000-000000000001","result":{"action":"deny"},"input":7}')
  await feedback('00000000-0000-0000-0000-000000000001', { from, out })
  const decision = '{"action":"deny","policies":[],"risk":null}'
  t.equal(readFileSync(out, 'utf8'), recordText(decision, { id: '00000000-0000-0000-0000-000000000001' }))
})

t.test('the user is who says so, where nobody else is named', async t => {
  const directory = t.testdir()
  const cases: Record<string, readonly [Record<string, string>, string]> = {
    'the user of the environment': [{ USER: 'dora' }, 'dora'],
    'a log-in name': [{ LOGNAME: 'emil' }, 'emil'],
  }
  for (const [name, [env, by]] of Object.entries(cases)) {
    const out = join(directory, `${by}.jsonl`)
    await feedback(ID, { out }, env)
    t.equal(readFileSync(out, 'utf8'), recordText('null', { by }), name)
  }
})

t.test('what cannot be recorded leaves the file as it was', async t => {
  const directory = t.testdir()
  const [from, out] = [join(directory, 'log.jsonl'), join(directory, 'out.jsonl')]
  writeFileSync(from, `${eventText(ID, 'bob')}\n${eventText(OTHER, 'eve')}\nbroken\n`)
  const cases: Record<string, readonly [string, Partial<FeedbackOptions>, string, string | RegExp]> = {
    'an id that the log does not have': [
      `sha256:${'0'.repeat(64)}`,
      { from },
      'DECISION_NOT_FOUND',
      `${from} has no Decision sha256:${'0'.repeat(64)} among its 2; 1 of its lines are no events`,
    ],
    'an id that is too short': ['ab12cd3', { from }, 'DECISION_NOT_FOUND', /among its 2/],
    'an id that means several': [
      'ab12cd34',
      { from },
      'USAGE',
      `ab12cd34 means 2 Decisions in ${from}; name one:\n${ID}\n${OTHER}`,
    ],
    'an abbreviated id without a log': ['ab12cd34', {}, 'USAGE', /ab12cd34 is no whole id/],
    'a log that is not there': [ID, { from: join(directory, 'none') }, 'FILE_UNREADABLE', /no such file/],
    'no reason': [ID, { reason: '  ' }, 'USAGE', '--reason must say why'],
    'a novel': [ID, { reason: 'x'.repeat(4097) }, 'USAGE', '--reason must have at most 4096 characters'],
    nobody: [ID, { by: ' ' }, 'USAGE', 'say who you are with --by <name>'],
  }
  for (const [name, [wanted, options, code, message]] of Object.entries(cases)) {
    await t.rejects(feedback(wanted, { out, ...options }), { code, message }, name)
    t.notOk(existsSync(out), name)
  }
  mkdirSync(out)
  await t.rejects(feedback(ID, { out }), { code: 'FILE_UNWRITABLE', message: new RegExp(`^${out}: cannot be written`) })
  await t.rejects(feedback(ID, { out: '/dev/full' }), { code: 'FILE_UNWRITABLE' })
})

t.test('the program takes it from the command line', t => {
  const directory = t.testdir()
  const [from, out] = [join(directory, 'log.jsonl'), join(directory, 'feedback.jsonl')]
  writeFileSync(from, `${eventText(ID, 'alice')}\n`)
  const args = ['feedback', ID.slice(7, 20), 'hostile', '--reason', 'stolen token', '--by', 'carol']
  t.strictSame(lockkeeper([...args, '--from', from], { cwd: directory }), {
    status: 0,
    stdout: `${ID} is hostile: recorded in feedback.jsonl\n`,
    stderr: '',
  })
  const { time: _time, ...record } = JSON.parse(readFileSync(out, 'utf8')) as Record<string, unknown>
  const { time: _expected, ...expected } = JSON.parse(recordText(DECISION)) as Record<string, unknown>
  t.strictSame(record, expected)
  const refused: Record<string, readonly [readonly string[], string]> = {
    'a third label': [['feedback', ID, 'odd', '--reason', 'x'], 'Allowed choices are benign, hostile.'],
    'no reason': [['feedback', ID, 'benign'], "required option '--reason <text>' not specified"],
    'an unknown id': [
      ['feedback', '00000000', 'benign', '--reason', 'x', '--by', 'c', '--from', from],
      'DECISION_NOT_FOUND',
    ],
  }
  for (const [name, [words, says]] of Object.entries(refused)) {
    const { status, stdout, stderr } = lockkeeper(words, { cwd: directory })
    t.strictSame({ status, stdout }, { status: 2, stdout: '' }, name)
    t.match(stderr, says, name)
  }
  t.end()
})
