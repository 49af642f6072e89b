import { get } from 'node:http'
import t, { type Test } from 'tap'
import { startWatchdog, type Watchdog, type WatchdogOptions } from '../../../webhook/watchdog.js'

async function start(t: Test, options: Partial<WatchdogOptions> = {}): Promise<Watchdog> {
  const metrics = () => Promise.resolve('own_metric 1\n')
  const watchdog = await startWatchdog({ address: '127.0.0.1', port: 0, metrics, ...options })
  t.teardown(() => watchdog.close())
  return watchdog
}

function ask({ port }: Watchdog, path: string): Promise<readonly [status: number, text: string]> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.once('end', () => {
        resolve([response.statusCode ?? 0, text])
      })
    }).once('error', reject)
  })
}

t.test('it is ready when it is told so', async t => {
  const watchdog = await start(t)
  t.strictSame(await ask(watchdog, '/readyz'), [503, 'not ready\n'])
  t.strictSame(await ask(watchdog, '/livez'), [200, 'ok\n'])
  watchdog.setReady(true)
  t.strictSame(await ask(watchdog, '/readyz?verbose'), [200, 'ok\n'])
  watchdog.setReady(false)
  t.strictSame(await ask(watchdog, '/readyz'), [503, 'not ready\n'])
  t.equal((await ask(watchdog, '/'))[0], 404)
})

t.test('metrics are asked for with each scrape', async t => {
  let scrapes = 0
  const watchdog = await start(t, { metrics: () => Promise.resolve(`scrapes ${(scrapes += 1)}\n`) })
  await ask(watchdog, '/metrics')
  const [status, text] = await ask(watchdog, '/metrics')
  t.equal(status, 200)
  t.match(text, /^scrapes 2\n/)
  t.match(text, /^lockkeeper_event_loop_blocked 0$/m)
})

t.test('a main thread that is stuck turns readiness red, then liveness, and green again', async t => {
  const watchdog = await start(t, { readyWithinMs: 200, liveWithinMs: 600 })
  watchdog.setReady(true)
  t.equal((await ask(watchdog, '/readyz'))[0], 200)
  await ask(watchdog, '/metrics')
  // The questions are written before the block, and answered during it.
  const { port } = watchdog
  const { Worker } = await import('node:worker_threads')
  const asked = new Worker(ASK_WHILE_BLOCKED, { eval: true, workerData: { port } })
  const answers = new Promise<Record<string, number>>((resolve, reject) => {
    asked.once('message', resolve)
    asked.once('error', reject)
  })
  await new Promise(resolve => asked.once('online', resolve))
  block(3_000)
  t.strictSame(await answers, { '/readyz': 503, '/livez': 503, '/metrics': 200, blocked: 1 })
  t.equal((await ask(watchdog, '/livez'))[0], 200, 'it is alive again')
  t.equal((await ask(watchdog, '/readyz'))[0], 200)
})

t.test('a port that is taken is an error that says which', async t => {
  const { port } = await start(t)
  await t.rejects(startWatchdog({ address: '127.0.0.1', port, metrics: () => Promise.resolve('') }), {
    code: 'USAGE',
    message: new RegExp(`^the probes cannot listen on 127\\.0\\.0\\.1:${port}: `),
  })
})

/** Keeps this thread from doing anything else. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** Asks until liveness is red, then for the rest; in a thread of its own, because the main one is stuck. */
const ASK_WHILE_BLOCKED = `
const { get } = require('node:http')
const { parentPort, workerData: { port } } = require('node:worker_threads')
const ask = path => new Promise((resolve, reject) => get({ host: '127.0.0.1', port, path, agent: false }, response => {
  let text = ''
  response.on('data', chunk => (text += chunk)).on('end', () => resolve([response.statusCode, text]))
}).on('error', reject))
void (async () => {
  while ((await ask('/livez'))[0] !== 503);
  const [[ready], [live], [metrics, text]] = [await ask('/readyz'), await ask('/livez'), await ask('/metrics')]
  parentPort.postMessage({
    '/readyz': ready, '/livez': live, '/metrics': metrics, blocked: Number(/^lockkeeper_event_loop_blocked (.)$/m.exec(text)[1]),
  })
})()
`
