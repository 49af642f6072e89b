import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { startBalancer, type Backend, type Balancer } from '../helpers/testbed/balancer.js'
import { createCertificateAuthority } from '../helpers/testbed/certificates.js'
import { listen } from '../helpers/testbed/listen.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed, type Testbed } from '../helpers/testbed/testbed.js'

const CERTIFICATE = createCertificateAuthority().issue({ commonName: 'backend', hosts: ['127.0.0.1'] })

/** A small server with a name and a switch for its readiness. */
interface Named {
  readonly name: string
  readonly backend: Backend
  isReady: boolean
  readonly server: Server
}

async function startNamed(bed: Testbed, name: string, scheme: 'http' | 'https' = 'http'): Promise<Named> {
  const listener = (
    request: { url?: string | undefined },
    response: NodeJS.WritableStream & { statusCode: number },
  ) => {
    response.statusCode = request.url === '/readyz' && !named.isReady ? 503 : 200
    response.end(name)
  }
  const server = scheme === 'http' ? createHttpServer(listener) : createHttpsServer(CERTIFICATE, listener)
  const port = await listen(bed, name, server)
  const backend = { port, readyUrl: `${scheme}://127.0.0.1:${port}/readyz` }
  const named: Named = { name, backend, isReady: true, server }
  return named
}

/** One request on a connection; gives what the server says, or the error's code. */
async function ask(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  try {
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    return bytes.toString().split('\r\n\r\n')[1]?.split('\r\n').at(-1) ?? ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'no code'
  }
}

async function askOnce({ port }: Balancer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const answer = await ask(socket)
  socket.destroy()
  return answer
}

async function answers(balancer: Balancer, count: number): Promise<string[]> {
  const found: string[] = []
  for (let i = 0; i < count; i += 1) found.push(await askOnce(balancer))
  return found
}

const settled = (balancer: Balancer, ...wanted: Named[]): Promise<boolean> =>
  waitFor(`the ready backends are ${wanted.map(each => each.name).join(', ')}`, () =>
    Promise.resolve(
      balancer.ready().length === wanted.length && wanted.every(each => balancer.ready().includes(each.backend)),
    ),
  )

t.test('new connections go to the ready backends in turn', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  const two = await startNamed(bed, 'two', 'https')
  const three = await startNamed(bed, 'three')
  two.isReady = false
  const balancer = await startBalancer(bed, { backends: [one.backend, two.backend, three.backend], periodMs: 10 })
  await settled(balancer, one, three)
  t.strictSame((await answers(balancer, 4)).sort(), ['one', 'one', 'three', 'three'])
  t.strictSame(balancer.ready(), [one.backend, three.backend])
})

t.test('a backend probed by https is ready as well', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one', 'https')
  const balancer = await startBalancer(bed, { backends: [one.backend], periodMs: 10 })
  await settled(balancer, one)
  one.isReady = false
  await settled(balancer)
  t.strictSame(balancer.ready(), [])
})

t.test('an established connection stays with a backend that is ready no more', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  const two = await startNamed(bed, 'two')
  const balancer = await startBalancer(bed, { backends: [one.backend], periodMs: 10 })
  await settled(balancer, one)
  const kept = connect(balancer.port, '127.0.0.1')
  t.equal(await ask(kept), 'one')
  balancer.add(two.backend)
  one.isReady = false
  await settled(balancer, two)
  t.equal(await ask(kept), 'one', 'the old connection')
  t.strictSame(await answers(balancer, 2), ['two', 'two'], 'new connections')
  one.server.closeAllConnections()
  await once(kept, 'close')
  t.ok(kept.destroyed, 'closed by its backend')
})

t.test('backends come and go at run time', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  const two = await startNamed(bed, 'two')
  const balancer = await startBalancer(bed, { periodMs: 10 })
  t.equal(await askOnce(balancer), 'ECONNRESET', 'before the first backend')
  balancer.add(one.backend)
  balancer.add(two.backend)
  await settled(balancer, one, two)
  const kept = connect(balancer.port, '127.0.0.1')
  const holder = await ask(kept)
  const removed = holder === 'one' ? one : two
  const other = holder === 'one' ? two : one
  balancer.remove(removed.backend)
  t.strictSame(balancer.ready(), [other.backend], 'removed at once')
  t.strictSame(await answers(balancer, 2), [other.name, other.name])
  t.equal(await ask(kept), holder, 'the connection to the removed backend')
  kept.destroy()
})

t.test('without a ready backend a connection is reset', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  const balancer = await startBalancer(bed, { backends: [one.backend], periodMs: 10 })
  await settled(balancer, one)
  one.isReady = false
  await settled(balancer)
  t.equal(await askOnce(balancer), 'ECONNRESET')
  one.isReady = true
  await settled(balancer, one)
  t.equal(await askOnce(balancer), 'one', 'ready again')
})

t.test('a backend that has gone before its next probe resets the connection', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  // The next probe is an hour away.
  const balancer = await startBalancer(bed, { backends: [one.backend], periodMs: 3_600_000 })
  await settled(balancer, one)
  await new Promise(resolve => one.server.close(resolve))
  t.equal(await askOnce(balancer), 'ECONNRESET')
})

t.test('a backend stays ready until so many probes in a row have failed', async t => {
  const bed = createTestbed(t)
  let probes = 0
  const server = createHttpServer((_, response) => {
    probes += 1
    // After the first success two failures, a success, and failures for good.
    response.statusCode = [200, 503, 503, 200].at(probes - 1) ?? 503
    response.end()
  })
  const port = await listen(bed, 'server', server)
  const backend = { port, readyUrl: `http://127.0.0.1:${port}/readyz` }
  const balancer = await startBalancer(bed, { backends: [backend], periodMs: 10, failureThreshold: 3 })
  await waitFor('the backend is ready', () => Promise.resolve(balancer.ready().length === 1))
  await waitFor('the backend is ready no more', () => Promise.resolve(balancer.ready().length === 0), { everyMs: 1 })
  t.ok(probes >= 7, `it takes three failures in a row: ${probes} probes`)
})

t.test('a client that has ended its side still gets the answer', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  const balancer = await startBalancer(bed, { backends: [one.backend], periodMs: 10 })
  await settled(balancer, one)
  const client = connect({ port: balancer.port, host: '127.0.0.1', allowHalfOpen: true })
  client.end('GET / HTTP/1.0\r\n\r\n')
  let text = ''
  for await (const bytes of client) text += String(bytes)
  t.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\none$/)
})

t.test('it ends with the bed, connections included', async t => {
  const bed = createTestbed(t)
  const one = await startNamed(bed, 'one')
  const balancer = await startBalancer(bed, { backends: [one.backend], periodMs: 10 })
  await settled(balancer, one)
  const kept = connect(balancer.port, '127.0.0.1')
  t.equal(await ask(kept), 'one')
  const closed = new Promise<void>(resolve => kept.on('error', () => null).on('close', () => resolve()))
  await bed.close()
  await closed
  t.equal(await askOnce(balancer), 'ECONNREFUSED')
})
