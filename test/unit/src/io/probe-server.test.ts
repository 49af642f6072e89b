import t from 'tap'
import { startProbeServer } from '../../../../src/io/probe-server.js'

t.test('probes and metrics', async t => {
  let problem: string | null = 'not yet'
  let isLive = true
  const server = await startProbeServer({
    address: '127.0.0.1',
    port: 0,
    isLive: () => isLive,
    notReady: () => problem,
    metrics: () =>
      isLive ? Promise.resolve({ contentType: 'text/x', text: 'a 1\n' }) : Promise.reject(new Error('broken')),
  })
  t.teardown(() => server.close())
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    return [response.status, response.headers.get('content-type'), await response.text()]
  }
  const plain = 'text/plain; charset=utf-8'
  t.strictSame(await ask('/livez'), [200, plain, 'ok\n'])
  t.strictSame(await ask('/readyz?verbose'), [503, plain, 'not yet\n'])
  t.strictSame(await ask('/metrics'), [200, 'text/x', 'a 1\n'])
  problem = null
  isLive = false
  t.strictSame(await ask('/readyz'), [200, plain, 'ok\n'])
  t.strictSame(await ask('/readyz', 'HEAD'), [200, plain, ''])
  t.strictSame(await ask('/livez'), [500, plain, 'not live\n'])
  t.strictSame(await ask('/metrics'), [500, plain, 'broken\n'])
  t.strictSame(await ask('/'), [404, plain, 'there is /livez, /readyz and /metrics\n'])
  t.strictSame(await ask('/livez', 'POST'), [405, plain, 'GET only\n'])
  const taken = { address: '127.0.0.1', port: server.port, isLive: () => true, notReady: () => null }
  await t.rejects(startProbeServer({ ...taken, metrics: () => Promise.reject(new Error('unused')) }), {
    code: 'CONFIG_INVALID',
    message: /^probes cannot be served on 127\.0\.0\.1:\d+: listen EADDRINUSE/,
  })
})
