import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import {
  createDecisionLog,
  type DecisionLog,
  type DecisionLogLimits,
} from '../../../../../src/io/decision-log/decision-log.js'
import type { DecisionLogEvent } from '../../../../../src/io/decision-log/event.js'
import { readStream } from '../../../../../src/io/files.js'

t.setTimeout(60_000)

function eventOf(id: number | string): DecisionLogEvent {
  return {
    labels: { id: 'test' },
    decision_id: String(id),
    bundles: {},
    path: 'lockkeeper/review',
    input: {},
    result: {},
    requested_by: '127.0.0.1',
    timestamp: '2026-06-03T13:45:06.789Z',
    metrics: {},
  }
}

const EVENT_BYTES = Buffer.byteLength(JSON.stringify(eventOf(100)))

const FAST: Partial<DecisionLogLimits> = {
  flushIntervalMs: 1,
  backoff: { minMs: 1, maxMs: 5, retries: 10_000 },
  maxInFlight: 1,
}

/** A log with what it tells of itself; `until` waits for something that it tells. */
interface Told {
  readonly log: DecisionLog
  written: number
  dropped: number
  readonly notices: (string | null)[]
  until(reached: () => boolean): Promise<void>
}

function logTo(target: string, limits: Partial<DecisionLogLimits> = {}, headers: Record<string, string> = {}): Told {
  const waiting = new Set<() => void>()
  const tell = (): void => {
    for (const each of waiting) each()
  }
  const told: Told = {
    log: createDecisionLog({
      target,
      headers,
      limits: { ...FAST, ...limits },
      onWritten: events => {
        told.written += events
        tell()
      },
      onDropped: events => {
        told.dropped += events
        tell()
      },
      onFailing: error => {
        told.notices.push(error === null ? null : (error as Error).message)
        tell()
      },
    }),
    written: 0,
    dropped: 0,
    notices: [],
    until: reached =>
      new Promise(resolve => {
        const check = (): void => {
          if (!reached()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
  }
  return told
}

interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly ids: readonly string[]
}

/** A receiver of decision logs. */
interface Receiver {
  readonly server: Server
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** The ids of the events of all POSTs, as they came. */
  readonly ids: () => string[]
}

/** @param answer called for each POST, in the order they come */
async function receiver(
  t: Test,
  answer: (response: ServerResponse, index: number) => void,
  port = 0,
): Promise<Receiver> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    readStream(request, 'POST', 1 << 24).then(
      bytes => {
        const events = JSON.parse(gunzipSync(bytes).toString()) as DecisionLogEvent[]
        const ids = events.map(({ decision_id }) => decision_id)
        received.push({ method: request.method, path: request.url, headers: request.headers, ids })
        answer(response, received.length - 1)
      },
      () => response.destroy(),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    stop(server)
  })
  const bound = (server.address() as AddressInfo).port
  return {
    server,
    url: `http://127.0.0.1:${bound}/logs?from=lockkeeper`,
    port: bound,
    received,
    ids: () => received.flatMap(({ ids }) => ids),
  }
}

function stop(server: Server): void {
  server.close()
  server.closeAllConnections()
}

const accept = (response: ServerResponse): void => {
  response.end('{}')
}

/** Answers with these statuses, one after the other, and with 200 from then on. */
const statuses =
  (...codes: readonly number[]) =>
  (response: ServerResponse, index: number): void => {
    response.writeHead(codes[index] ?? 200).end()
  }

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(100 + index))

t.test('events travel in batches, as gzipped JSON arrays, in their order', async t => {
  const { url, received, ids } = await receiver(t, accept)
  const told = logTo(url, { maxBatchBytes: EVENT_BYTES * 10, flushIntervalMs: 1e6 }, { authorization: 'Bearer x' })
  for (const id of numbers(40)) told.log.write(eventOf(id))
  await told.until(() => told.written === 40)
  t.strictSame(
    received.map(each => each.ids.length),
    [10, 10, 10, 10],
  )
  t.strictSame(ids(), numbers(40))
  t.match(received[0], {
    method: 'POST',
    path: '/logs?from=lockkeeper',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', authorization: 'Bearer x' },
  })
  await told.log.close()
  t.strictSame([told.dropped, told.notices], [0, []])
})

t.test('a few events are sent when their time has come', async t => {
  const { url, ids } = await receiver(t, accept)
  const told = logTo(url)
  told.log.write(eventOf('a'))
  await told.until(() => told.written === 1)
  told.log.write(eventOf('b'))
  await told.until(() => told.written === 2)
  t.strictSame(ids(), ['a', 'b'])
  await told.log.close()
})

t.test('a receiver that is overloaded, broken or moved gets the same events again', async t => {
  const { url, received } = await receiver(t, statuses(500, 429, 503, 401, 302))
  const told = logTo(url)
  told.log.write(eventOf('a'))
  await told.until(() => told.written === 1)
  t.strictSame(
    received.map(({ ids }) => ids),
    Array.from({ length: 6 }, () => ['a']),
  )
  await told.until(() => told.notices.length === 2)
  t.strictSame(told.notices, ['the receiver answers with status 500', null], 'said once, and when it is over')
  await told.log.close()
  t.equal(told.dropped, 0)
})

t.test('what a receiver refuses for what it is, is dropped and counted', async t => {
  const { url, ids } = await receiver(t, statuses(413, 400, 422))
  const told = logTo(url)
  for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) {
    told.log.write(eventOf(id))
    await told.until(() => told.written + told.dropped === index + 1)
  }
  t.strictSame([told.dropped, told.written, ids()], [3, 1, ['a', 'b', 'c', 'd']])
  await told.until(() => told.notices.length === 2)
  t.strictSame(told.notices, ['the receiver refuses events with status 413', null])
  await told.log.close()
})

t.test('what fails for too long is dropped, and the next events have their turn', async t => {
  const { url, ids } = await receiver(t, statuses(503, 503, 503))
  const told = logTo(url, { backoff: { minMs: 1, maxMs: 1, retries: 2 } })
  told.log.write(eventOf('a'))
  await told.until(() => told.dropped === 1)
  told.log.write(eventOf('b'))
  await told.until(() => told.written === 1)
  t.strictSame(ids(), ['a', 'a', 'a', 'b'])
  await told.log.close()
})

t.test('a slow receiver fills the queue and nothing else: what is too much is dropped and counted', async t => {
  const held: ServerResponse[] = []
  let most = 0
  let arrived: () => void = () => undefined
  const { url, ids } = await receiver(t, response => {
    held.push(response)
    most = Math.max(most, held.length)
    arrived()
  })
  /** The oldest POST without an answer, when there are as many of them. */
  const oldestOf = async (count: number): Promise<ServerResponse> => {
    for (;;) {
      const [response] = held
      if (response !== undefined && held.length >= count) return response
      await new Promise<void>(resolve => (arrived = resolve))
    }
  }
  const answer = (response: ServerResponse): void => {
    held.splice(held.indexOf(response), 1)
    response.end()
  }
  const told = logTo(url, {
    maxQueueBytes: EVENT_BYTES * 30,
    maxBatchBytes: EVENT_BYTES * 5,
    maxInFlight: 2,
    flushIntervalMs: 1e6,
  })
  for (const id of numbers(100)) told.log.write(eventOf(id))
  // Not one answer has come yet: the writer was never held up.
  t.strictSame([told.written, told.dropped], [0, 70])
  for (let batch = 1; batch <= 6; batch++) {
    answer(await oldestOf(batch < 6 ? 2 : 1))
    await told.until(() => told.written === batch * 5)
  }
  t.strictSame(ids().sort(), numbers(30), 'what was taken is delivered')
  t.equal(most, 2, 'in flight')
  told.log.write(eventOf('later'))
  const closing = told.log.close()
  answer(await oldestOf(1))
  await closing
  t.strictSame([told.written, told.dropped], [31, 70], 'there is room again')
})

t.test('a receiver that does not answer is asked again', async t => {
  const { url, received } = await receiver(t, (response, index) => {
    if (index === 2) response.end()
    else if (index === 1) response.writeHead(200, { 'content-length': 100 }).write('half')
  })
  const told = logTo(url, { timeoutMs: 50 })
  told.log.write(eventOf('a'))
  await told.until(() => told.written === 1)
  t.equal(received.length, 3)
  t.equal(told.notices[0], `${new URL(url).origin}: no answer within 50 ms`)
  await told.log.close()
})

t.test('a receiver that was restarted gets what came meanwhile', async t => {
  // As in the webhook: a process that serves nobody would end in the first pause.
  await receiver(t, accept)
  const first = await receiver(t, accept)
  const told = logTo(first.url)
  told.log.write(eventOf('before'))
  await told.until(() => told.written === 1)
  stop(first.server)
  await once(first.server, 'close')
  told.log.write(eventOf('meanwhile'))
  await told.until(() => told.notices.length === 1)
  const second = await receiver(t, accept, first.port)
  await told.until(() => told.written === 2)
  t.strictSame(second.ids(), ['meanwhile'])
  await told.log.close()
  t.strictSame([told.dropped, told.notices.length, told.notices[1]], [0, 2, null])
})

t.test('closing delivers what waits, without waiting for pauses', async t => {
  const cases: Record<string, readonly number[]> = {
    'nothing was sent yet': [],
    'a pause of a minute was just begun': [503],
    'the receiver is busy at first': [503, 503, 429],
  }
  for (const [name, codes] of Object.entries(cases)) {
    const { url, ids } = await receiver(t, statuses(...codes))
    const isPausing = codes.length > 0
    const told = logTo(url, {
      flushIntervalMs: isPausing ? 1 : 1e6,
      backoff: { minMs: isPausing && codes.length === 1 ? 60_000 : 1, maxMs: 60_000, retries: 10 },
    })
    told.log.write(eventOf('a'))
    if (isPausing) await told.until(() => told.notices.length === 1)
    told.log.write(eventOf('b'))
    await told.log.close()
    t.strictSame([told.written, told.dropped], [2, 0], name)
    t.strictSame([...new Set(ids())], ['a', 'b'], name)
    told.log.write(eventOf('c'))
    t.equal(told.dropped, 1, `${name}: what comes later is dropped`)
  }
})

t.test('closing gives up in time where nobody answers, and counts what is lost', async t => {
  let arrived: () => void = () => undefined
  const first = new Promise<void>(resolve => (arrived = resolve))
  const { url, ids } = await receiver(t, () => {
    arrived()
  })
  const told = logTo(url, { closeTimeoutMs: 200, timeoutMs: 1e6, maxBatchBytes: EVENT_BYTES * 2 })
  for (const id of numbers(9)) told.log.write(eventOf(id))
  await first
  await told.log.close()
  t.strictSame([told.written, told.dropped], [0, 9])
  t.strictSame(ids(), numbers(2), 'never more under way than is allowed')
})

t.test('an event that is too large, or is no JSON, is dropped and counted', async t => {
  const { url, ids } = await receiver(t, accept)
  const told = logTo(url, { maxEventBytes: EVENT_BYTES + 10 })
  told.log.write(eventOf('x'.repeat(100)))
  t.equal(told.dropped, 1)
  told.log.write({ ...eventOf('x'), metrics: { n: 1n as unknown as number } })
  t.strictSame([told.dropped, told.notices.length], [2, 1])
  told.log.write(eventOf('ok'))
  await told.log.close()
  t.strictSame([told.written, told.dropped, ids()], [1, 2, ['ok']])
})

t.test('a URL that is none is refused at once', t => {
  t.throws(() => logTo('http://'), { code: 'CONFIG_INVALID', message: 'decision log: http:// is not a URL' })
  t.end()
})

/** The ids in a file of JSON lines. */
function idsIn(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.slice(0, -1).map(line => (JSON.parse(line) as DecisionLogEvent).decision_id)
}

t.test('a file is appended to, line by line', async t => {
  const path = join(t.testdir(), 'decisions.jsonl')
  const first = logTo(path)
  for (const id of numbers(3)) first.log.write(eventOf(id))
  await first.log.close()
  t.strictSame([first.written, first.dropped, first.notices], [3, 0, []])
  t.equal(statSync(path).mode & 0o777, 0o640)
  // A crash in the middle of a line.
  writeFileSync(path, '{"half', { flag: 'a' })
  const second = logTo(path)
  second.log.write(eventOf('next'))
  await second.log.close()
  const lines = readFileSync(path, 'utf8').split('\n')
  t.strictSame(lines.slice(3), ['{"half', JSON.stringify(eventOf('next')), ''])
  second.log.write(eventOf('late'))
  t.equal(second.dropped, 1)
})

t.test('a file is rotated before it gets too large, and the oldest goes', async t => {
  const path = join(t.testdir(), 'decisions.jsonl')
  const told = logTo(path, { maxFileBytes: (EVENT_BYTES + 1) * 3, oldFiles: 2 })
  for (const [index, id] of numbers(14).entries()) {
    told.log.write(eventOf(id))
    await told.until(() => told.written === index + 1)
  }
  await told.log.close()
  const all = numbers(14)
  t.strictSame([`${path}.2`, `${path}.1`, path].map(idsIn), [all.slice(6, 9), all.slice(9, 12), all.slice(12)])
  t.notOk(existsSync(`${path}.3`))
  const again = logTo(path, { maxFileBytes: (EVENT_BYTES + 1) * 3, oldFiles: 2 })
  again.log.write(eventOf('200'))
  again.log.write(eventOf('201'))
  await again.log.close()
  t.strictSame([`${path}.1`, path].map(idsIn), [[...all.slice(12), '200'], ['201']], 'also after a restart')
})

t.test('a file that cannot be written costs its events, and no more', async t => {
  const path = join(t.testdir(), 'decisions.jsonl')
  mkdirSync(path)
  const told = logTo(path)
  told.log.write(eventOf('a'))
  await told.until(() => told.dropped === 1)
  told.log.write(eventOf('b'))
  await told.until(() => told.dropped === 2)
  t.match(told.notices, [/EISDIR/])
  t.equal(told.notices.length, 1, 'said once')
  rmdirSync(path)
  told.log.write(eventOf('c'))
  await told.until(() => told.written === 1)
  await told.log.close()
  t.strictSame([idsIn(path), told.notices[1]], [['c'], null])
})

t.test('a full disk is tried again with the next events', async t => {
  const path = join(t.testdir(), 'decisions.jsonl')
  symlinkSync('/dev/full', path)
  const told = logTo(path)
  told.log.write(eventOf('a'))
  await told.until(() => told.dropped === 1)
  rmSync(path)
  told.log.write(eventOf('b'))
  await told.log.close()
  t.match(told.notices, [/ENOSPC/, null])
  t.strictSame([idsIn(path), told.written], [['b'], 1])
})

t.test('a queue of a file is bounded, too', async t => {
  const path = join(t.testdir(), 'decisions.jsonl')
  const told = logTo(path, { maxQueueBytes: EVENT_BYTES * 5 })
  for (const id of numbers(8)) told.log.write(eventOf(id))
  t.equal(told.dropped, 3)
  await told.log.close()
  t.strictSame([idsIn(path), told.written], [numbers(5), 5])
})
