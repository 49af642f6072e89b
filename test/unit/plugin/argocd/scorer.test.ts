import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_CONFIGURATION } from '../../../../plugin/argocd/configuration.js'
import type { GenerateRequest } from '../../../../plugin/argocd/generate.js'
import type { Answer } from '../../../../plugin/argocd/judge-messages.js'
import type { Judge } from '../../../../plugin/argocd/judge-worker.js'
import { startScorer, type ScorerOptions } from '../../../../plugin/argocd/scorer.js'
import { parseWireRequest } from '../../../../plugin/argocd/wire.js'
import { ROOT } from '../../../helpers/repository.js'

const CLIENT = join(ROOT, 'build/plugin/argocd/client.cjs')
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const ALLOWED: Answer = { exitCode: 0, stdout: '{"a":"ü"}\n', stderr: 'allowed with 1 warning\n' }

interface Test {
  teardown(end: () => void): void
}

/** The path of a socket must be short. */
function shortDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'lk-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

/** The client as argocd-cmp-server starts it. */
function startClient(socket: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [CLIENT, socket], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const ended = once(child, 'close').then(([exitCode]) => ({
    exitCode: exitCode as number | null,
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
  }))
  return { child, ended }
}

const failed = (reason: string) => ({ exitCode: 2, stdout: '', stderr: `could not judge: ${reason}\n` })

interface FakeJudge extends Judge {
  isRunning: boolean
}

async function setUp(t: Test, more: Partial<ScorerOptions> = {}) {
  const directory = shortDirectory(t)
  const socket = join(directory, 'scorer.sock')
  const bundle = join(directory, 'bundle')
  writeFileSync(bundle, '')
  const stop = new AbortController()
  const asked: { request: GenerateRequest; judge: unknown }[] = []
  const judges: FakeJudge[] = []
  const log: string[] = []
  const scorer = await startScorer({
    socket,
    version,
    configuration: { ...DEFAULT_CONFIGURATION, bundle: { path: bundle, allowUnsigned: true }, workDirectory: '/work' },
    signal: stop.signal,
    log: line => log.push(line),
    startJudge: () => {
      const judge: FakeJudge = {
        ready: Promise.resolve(`sha256:${judges.length}`),
        doing: '',
        isRunning: true,
        judge: () => Promise.reject(new Error('not asked here')),
        close() {
          judge.isRunning = false
        },
      }
      judges.push(judge)
      return judge
    },
    generate: (request, judge) => {
      asked.push({ request, judge })
      return Promise.resolve(ALLOWED)
    },
    ...more,
  })
  t.teardown(() => {
    stop.abort()
  })
  return { socket, bundle, asked, judges, log, stop, scorer }
}

t.test('the client gives back what the scorer answers, and only the scorer hears of the Application', async t => {
  const { socket, asked, log } = await setUp(t)
  t.equal(statSync(socket).mode & 0o777, 0o600)
  const env = { ARGOCD_APP_NAME: 'web', PARAM_TOOL: 'helm', KUBE_VERSION: '1.35', PATH: '/bin', TOKEN: 'x' }
  t.strictSame(await startClient(socket, env).ended, ALLOWED)
  const { directory, env: sent } = asked[0]?.request ?? {}
  t.strictSame(
    { directory, sent },
    { directory: ROOT, sent: { ARGOCD_APP_NAME: 'web', PARAM_TOOL: 'helm', KUBE_VERSION: '1.35' } },
  )
  t.strictSame(log, ['judging with the bundle sha256:0', `listening on ${socket}`])
})

t.test('a denial comes with its exit code and without manifests', async t => {
  const denied: Answer = { exitCode: 1, stdout: '', stderr: 'denied: Pod a: [p] m\n' }
  const { socket } = await setUp(t, { generate: () => Promise.resolve(denied) })
  t.strictSame(await startClient(socket).ended, denied)
})

t.test('a defect of the scorer is no success', async t => {
  const { socket } = await setUp(t, { generate: () => Promise.reject(new TypeError('x is undefined')) })
  t.strictSame(await startClient(socket).ended, failed('x is undefined (INTERNAL)'))
})

t.test('the work ends when the client goes away', async t => {
  let cancelled: () => void = () => undefined
  const isCancelled = new Promise<void>(resolve => {
    cancelled = resolve
  })
  const { socket } = await setUp(t, {
    generate: ({ signal }) =>
      new Promise(resolve => {
        signal.addEventListener('abort', () => {
          cancelled()
          resolve(ALLOWED)
        })
        child.kill('SIGTERM')
      }),
  })
  const { child, ended } = startClient(socket)
  t.strictSame(await ended, failed('it was cancelled before it was done'))
  await isCancelled
})

t.test('a bundle that changes is loaded for the next render, and one that cannot be used is not', async t => {
  const { socket, bundle, asked, judges, log } = await setUp(t)
  await startClient(socket).ended
  writeFileSync(bundle, 'another one')
  await startClient(socket).ended
  t.strictSame(
    asked.map(({ judge }) => judges.indexOf(judge as FakeJudge)),
    [0, 1],
  )
  t.equal(judges[0]?.isRunning, false, 'the old thread has ended')
  t.equal(log.at(-1), 'judging with the bundle sha256:1')
  if (judges[1] !== undefined) judges[1].isRunning = false
  await startClient(socket).ended
  t.equal(judges.indexOf(asked.at(-1)?.judge as FakeJudge), 2, 'a thread that ended is started anew')
})

t.test('a bundle that cannot be loaded later leaves the last one', async t => {
  let started = 0
  const { socket, bundle, log } = await setUp(t, {
    startJudge: () => {
      started += 1
      const ready = started === 1 ? Promise.resolve('first') : Promise.reject(new Error('is no bundle'))
      return { ready, doing: '', isRunning: true, judge: () => Promise.resolve(ALLOWED), close: () => undefined }
    },
  })
  writeFileSync(bundle, 'broken')
  t.strictSame(await startClient(socket).ended, ALLOWED)
  t.equal(log.at(-1), 'the bundle has changed and cannot be used, the last one stays: is no bundle')
})

t.test('the client fails closed', async t => {
  t.match(await startClient('/nowhere/scorer.sock').ended, {
    exitCode: 2,
    stdout: '',
    stderr: /^could not judge: the scorer behind \/nowhere\/scorer\.sock cannot be asked: connect ENOENT/,
  })
  const head = { version, exitCode: 0, stdoutBytes: 3, stderrBytes: 0 }
  const other = `is of version 9.9.9, and this is ${version}: use one image for both`
  const answers: Record<string, readonly [bytes: string, reason: string]> = {
    nothing: ['', 'ended without an answer'],
    'half of the manifests': [`${JSON.stringify(head)}\n{}`, 'ended before its answer did'],
    'another version': [`${JSON.stringify({ ...head, version: '9.9.9' })}\n{}\n`, other],
    'nothing on stdout with success': [
      `${JSON.stringify({ ...head, stdoutBytes: 0 })}\n`,
      'gave an answer that cannot be',
    ],
    'another exit code': [`${JSON.stringify({ ...head, exitCode: 3 })}\n{}\n`, 'gave an answer that cannot be'],
  }
  for (const [name, [bytes, reason]] of Object.entries(answers)) {
    const socket = join(shortDirectory(t), 'fake.sock')
    const server = createServer(connection => connection.once('data', () => connection.end(bytes)))
    server.listen(socket)
    await once(server, 'listening')
    t.strictSame(await startClient(socket).ended, failed(`the scorer behind ${socket} ${reason}`), name)
    server.close()
  }
})

t.test('what is no request is refused in bounded time', async t => {
  const { socket, asked } = await setUp(t)
  const { socket: impatient } = await setUp(t, { requestTimeoutMs: 1 })
  const send = async (text: string, path = socket) => {
    const connection = connect(path)
    if (text !== '') connection.write(text)
    const chunks: Buffer[] = []
    for await (const chunk of connection) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString().split('\n').slice(1).join('\n')
  }
  t.equal(await send('', impatient), 'could not judge: the request did not come in time (USAGE)\n')
  t.equal(await send('{\n'), 'could not judge: the request is not JSON (USAGE)\n')
  const request = JSON.stringify({ version: '0.0.1', cwd: '/', env: {} })
  t.equal(await send(`${request}\n`), 'could not judge: the client is of version 0.0.1 (USAGE)\n')
  t.equal(await send('x'.repeat(4 * 1024 * 1024 + 1)), 'could not judge: the request is too large (USAGE)\n')
  t.strictSame(asked, [])
})

t.test('requests', t => {
  const good = { version: '1', cwd: '/a', env: { A: 'b' } }
  t.strictSame(parseWireRequest(JSON.stringify(good)), good)
  t.equal(parseWireRequest('1'), 'the request is not an object')
  t.equal(parseWireRequest(JSON.stringify({ ...good, cwd: 'a' })), 'the request has no version and absolute directory')
  t.equal(parseWireRequest(JSON.stringify({ ...good, env: { A: 1 } })), 'the request has no environment')
  t.end()
})

t.test('one scorer a socket; what a killed one left is replaced', async t => {
  const { socket, stop, scorer } = await setUp(t)
  const again = (path: string) =>
    startScorer({
      socket: path,
      version,
      configuration: { ...DEFAULT_CONFIGURATION, workDirectory: '/work' },
      signal: AbortSignal.abort(),
      log: () => undefined,
      startJudge: () => ({
        ready: Promise.resolve(''),
        doing: '',
        isRunning: true,
        judge: () => Promise.resolve(ALLOWED),
        close: () => undefined,
      }),
      generate: () => Promise.resolve(ALLOWED),
    })
  await t.rejects(again(socket), { code: 'USAGE', message: `somebody listens on ${socket} already` })
  const long = join(tmpdir(), 'x'.repeat(108))
  await t.rejects(again(long), { code: 'USAGE', message: `the path of the socket is longer than 107 bytes: ${long}` })
  const file = join(shortDirectory(t), 'file')
  writeFileSync(file, '')
  await t.rejects(again(file), { code: 'USAGE', message: `${file} is there already, and is no socket` })
  stop.abort()
  await scorer.closed
})
