import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ControllerError } from '../../../../../src/io/controller-client.js'
import { createRecorder } from '../../../../../src/io/records/recorder.js'
import { createSpool } from '../../../../../src/io/records/spool.js'
import { recordLine, renderRecord } from '../../../../../src/provenance/record.js'
import { FACTS, WEB } from '../../../../helpers/gate-records.js'
import { silentLog } from '../../../../helpers/silent-log.js'

const record = (n: number) => renderRecord(FACTS, WEB, `digest-${n}`)
const NOW = Date.UTC(2026, 0, 1)

/** A spool whose time goes on by a millisecond with each look. */
function spoolIn(directory: string, maxBytes?: number) {
  let now = NOW
  return createSpool({ directory, now: () => (now += 1), ...(maxBytes !== undefined && { maxBytes }) })
}

async function contents(spool: ReturnType<typeof spoolIn>): Promise<(readonly string[] | null)[]> {
  const found = []
  for (const batch of await spool.batches()) found.push(await spool.read(batch))
  return found
}

/** A controller that takes records while nothing is in its way. */
function controller() {
  const taken: (readonly string[])[] = []
  const state: { failure: Error | null } = { failure: null }
  return {
    taken,
    state,
    send: (lines: readonly string[]) => {
      if (state.failure !== null) return Promise.reject(state.failure)
      taken.push(lines)
      return Promise.resolve()
    },
  }
}

t.test('what is put there waits in its order, for any process', async t => {
  const directory = join(t.testdir(), 'made', 'when needed')
  const spool = spoolIn(directory)
  t.strictSame(await spool.batches(), [], 'there is no directory yet')
  t.equal(await spool.put(['a', 'b']), 0)
  t.equal(await spool.put(['c']), 0)
  t.strictSame(
    readdirSync(directory).filter(each => !each.endsWith('.jsonl')),
    [],
    'nothing is half written',
  )
  const other = spoolIn(directory)
  t.strictSame(await contents(other), [['a', 'b'], ['c']])
  const [first] = await other.batches()
  t.match(first, { count: 2, bytes: 4 })
  if (first !== undefined) {
    await other.remove(first)
    await other.remove(first)
    t.equal(await spool.read(first), null, 'somebody else has taken it')
  }
  t.strictSame(await contents(spool), [['c']])
})

t.test('batches of one moment keep their order', async t => {
  const spool = createSpool({ directory: t.testdir(), now: () => NOW })
  for (let i = 0; i < 12; i += 1) await spool.put([String(i)])
  t.strictSame(
    (await contents(spool)).flat(),
    Array.from({ length: 12 }, (_, i) => String(i)),
  )
})

t.test('the oldest are dropped at the bound, and counted', async t => {
  const spool = spoolIn(t.testdir(), 12)
  t.equal(await spool.put(['aaaa', 'b']), 0)
  t.equal(await spool.put(['c']), 0)
  t.equal(await spool.put(['dddd']), 2)
  t.strictSame((await contents(spool)).flat(), ['c', 'dddd'])
  t.equal(await spool.put(['e'.repeat(20)]), 3, 'what never fits is not kept either')
  t.strictSame(await spool.batches(), [])
})

t.test('much at once becomes batches that the controller takes', async t => {
  const spool = spoolIn(t.testdir())
  await spool.put(Array.from({ length: 2500 }, (_, i) => String(i)))
  await spool.put(['x'.repeat(400_000), 'y'.repeat(400_000)])
  t.strictSame(
    (await spool.batches()).map(each => each.count),
    [1000, 1000, 500, 1, 1],
  )
})

t.test('what a process that is gone has half written is removed after a while', async t => {
  const name = (ms: number) => `${String(ms).padStart(15, '0')}-0001-0000000000000000-1.partial`
  const directory = t.testdir({ [name(NOW - 700_000)]: 'half', [name(NOW - 1000)]: 'half', other: 'of somebody else' })
  const spool = spoolIn(directory)
  await spool.put(['a'])
  t.strictSame(
    readdirSync(directory).filter(each => !each.endsWith('.jsonl')),
    [name(NOW - 1000), 'other'],
  )
  t.strictSame(await contents(spool), [['a']])
})

t.test('records are sent, and also those that an earlier process has left', async t => {
  const directory = t.testdir()
  await spoolIn(directory).put([recordLine(record(1))])
  const client = controller()
  const recorder = createRecorder({ spool: spoolIn(directory), client, log: silentLog() })
  await recorder.record([record(2), record(3)])
  await recorder.flush(60_000)
  t.strictSame(client.taken.flat().sort(), [1, 2, 3].map(n => recordLine(record(n))).sort())
  t.strictSame(recorder.counts, { sent: 3, dropped: 0 })
  t.strictSame(await spoolIn(directory).batches(), [])
  await recorder.record([])
  await recorder.close()
})

t.test('a lost controller neither fails nor blocks, and gets everything later', async t => {
  const directory = t.testdir()
  const client = controller()
  const lines: string[] = []
  const recorder = createRecorder({ spool: spoolIn(directory), client, log: silentLog(lines) })
  client.state.failure = new ControllerError(0, 'no answer')
  for (let i = 0; i < 3; i += 1) {
    await recorder.record([record(i)])
    await recorder.flush(60_000)
  }
  t.strictSame(client.taken, [])
  t.equal(lines.filter(each => each.includes('records wait')).length, 1, 'said once')
  client.state.failure = null
  await recorder.flush(60_000)
  t.strictSame(
    client.taken,
    [0, 1, 2].map(n => [recordLine(record(n))]),
  )
  t.match(lines.at(-1), /records are sent again/)
  t.strictSame(recorder.counts, { sent: 3, dropped: 0 })
  await recorder.close()
})

t.test('a controller that hangs is not waited for', async t => {
  const directory = t.testdir()
  const hanging = {
    send: (_lines: readonly string[], signal?: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(new Error('given up'))
        })
      }),
  }
  const recorder = createRecorder({ spool: spoolIn(directory), client: hanging, log: silentLog() })
  await recorder.record([record(1)])
  await recorder.flush(1)
  await recorder.close()
  t.strictSame(await contents(spoolIn(directory)), [[recordLine(record(1))]], 'it waits for another process')
})

t.test('what is refused for what it is goes, and what is behind it is sent', async t => {
  const directory = t.testdir()
  const spool = spoolIn(directory)
  await spool.put(['{}'])
  await spool.put([recordLine(record(1))])
  const client = controller()
  const lines: string[] = []
  const recorder = createRecorder({
    spool,
    client: {
      send: each => (each[0] === '{}' ? Promise.reject(new ControllerError(400, 'no record')) : client.send(each)),
    },
    log: silentLog(lines),
  })
  await recorder.flush(60_000)
  t.strictSame(client.taken, [[recordLine(record(1))]])
  t.strictSame(recorder.counts, { sent: 1, dropped: 1 })
  t.match(lines[0], /"count":1,"error":"no record","message":"records were dropped"/)
  await recorder.close()
})

t.test('a disk that is full or not there is counted, never an error', async t => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'file'), '')
  const lines: string[] = []
  const recorder = createRecorder({
    spool: spoolIn(join(directory, 'file')),
    client: controller(),
    log: silentLog(lines),
  })
  await recorder.record([record(1), record(2)])
  await recorder.flush(60_000)
  t.strictSame(recorder.counts, { sent: 0, dropped: 2 })
  t.match(lines[0], /records cannot be put there/)
  await recorder.close()

  const small = createRecorder({ spool: spoolIn(directory, 10), client: null, log: silentLog(lines) })
  await small.record([record(1)])
  t.strictSame(small.counts, { sent: 0, dropped: 1 })
  await small.flush(60_000)
  await small.close()
})

t.test('without anybody to send to, records wait', async t => {
  const directory = t.testdir()
  const recorder = createRecorder({ spool: spoolIn(directory), client: null, log: silentLog() })
  await recorder.record([record(1)])
  await recorder.flush(60_000)
  await recorder.close()
  t.strictSame(await contents(spoolIn(directory)), [[recordLine(record(1))]])
})
