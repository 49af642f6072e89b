import t from 'tap'
import { ClusterError } from '../../../../../src/io/cluster/cluster-client.js'
import { createEventRecorder, type EventFacts } from '../../../../../src/io/cluster/event-recorder.js'
import type { Json } from '../../../../../src/json.js'
import { FakeClock, settle } from '../../../../helpers/fake-clock.js'
import { silentLog } from '../../../../helpers/silent-log.js'

const regarding = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', uid: '1' }
const facts: EventFacts = { regarding, type: 'Warning', reason: 'PolicyViolation', action: 'Audit', note: 'no' }

/** A recorder whose writes are collected; `answer` may refuse them. */
function recorder(answer: (write: string) => Promise<void> = () => Promise.resolve(), maxQueue = 1000) {
  const clock = new FakeClock()
  const writes: { how: string; name: string; body: Record<string, unknown> }[] = []
  const take = async (how: string, name: string, body: Json) => {
    await answer(how)
    writes.push({ how, name, body: body as Record<string, unknown> })
    return {}
  }
  const client = {
    create: (_collection: unknown, event: Record<string, Json>) =>
      take('create', (event.metadata as { name: string }).name, event),
    patch: (_collection: unknown, name: string, patch: Json) => take('patch', name, patch),
  }
  const identity = { reportingController: 'lockkeeper.dev/controller', reportingInstance: 'one' }
  return { clock, writes, recorder: createEventRecorder(client, { ...identity, log: silentLog(), clock, maxQueue }) }
}

t.test('an Event in the words of events.k8s.io/v1', async t => {
  const { writes, recorder: events } = recorder()
  events.record(facts)
  await settle()
  t.strictSame(writes, [
    {
      how: 'create',
      name: 'web.19b76daa800001',
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'web.19b76daa800001', namespace: 'shop' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'lockkeeper.dev/controller',
        reportingInstance: 'one',
        type: 'Warning',
        reason: 'PolicyViolation',
        action: 'Audit',
        note: 'no',
        regarding,
      },
    },
  ])
})

t.test('what comes again is one series; after six minutes another Event', async t => {
  const { writes, clock, recorder: events } = recorder()
  events.record(facts)
  await settle()
  clock.jump(1000)
  events.record({ ...facts, note: 'no, again' })
  await settle()
  clock.jump(360_000)
  events.record(facts)
  await settle()
  t.strictSame(
    writes.map(({ how, name, body }) => [how, name, body.series]),
    [
      ['create', 'web.19b76daa800001', undefined],
      ['patch', 'web.19b76daa800001', { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' }],
      ['create', 'web.19b76e02a28002', undefined],
    ],
  )
})

t.test('one object is written about 25 times, then once in five minutes; others are not affected', async t => {
  const { writes, clock, recorder: events } = recorder()
  const many = async (count: number) => {
    for (let i = 0; i < count; i++) {
      events.record({ ...facts, reason: `Reason${i}` })
      await settle()
    }
  }
  await many(30)
  t.strictSame([writes.length, events.dropped], [25, 5])
  events.record({ ...facts, regarding: { ...regarding, name: 'other' } })
  await settle()
  t.equal(writes.length, 26)
  clock.jump(600_000)
  await many(3)
  t.strictSame([writes.length, events.dropped], [28, 6])
})

t.test('the queue is bounded, and nothing is thrown', async t => {
  let open: () => void = () => undefined
  const gate = new Promise<void>(resolve => (open = resolve))
  const { writes, recorder: events } = recorder(() => gate, 2)
  for (const name of ['a', 'b', 'c', 'd', 'e']) events.record({ ...facts, regarding: { ...regarding, name } })
  // One is being written, two wait.
  t.equal(events.dropped, 2)
  open()
  await settle()
  t.equal(writes.length, 3)
})

t.test('what is refused is counted; an Event that the server forgot is written anew', async t => {
  let refuses = 'create'
  const { writes, recorder: events } = recorder(how =>
    how === refuses ? Promise.reject(new ClusterError('no', { status: 404 })) : Promise.resolve(),
  )
  events.record(facts)
  await settle()
  t.strictSame([writes.length, events.dropped], [0, 1])
  refuses = 'patch'
  events.record(facts)
  await settle()
  events.record(facts)
  await settle()
  t.strictSame(
    writes.map(({ how, body }) => [how, (body.series as { count: number }).count]),
    [
      ['create', 2],
      ['create', 3],
    ],
  )
})

t.test('long notes are cut between two characters; cluster-scoped objects have their Events in default', async t => {
  const { writes, recorder: events } = recorder()
  events.record({
    ...facts,
    note: 'é'.repeat(600),
    regarding: { ...regarding, namespace: '', name: 'system:node' },
  })
  await settle()
  const [write] = writes
  const note = String(write?.body.note)
  t.equal(note, `${'é'.repeat(510)}…`)
  t.strictSame(write?.body.metadata, { name: 'system-node.19b76daa800001', namespace: 'default' })
  t.strictSame(write?.body.regarding, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'system:node', uid: '1' })
})

t.test('closing writes what waits, for five seconds at most', async t => {
  const {
    clock,
    recorder: events,
    writes,
  } = recorder(how => (how === 'create' ? new Promise(() => undefined) : Promise.resolve()))
  events.record(facts)
  events.record({ ...facts, reason: 'Other' })
  let isClosed = false
  void events.close().then(() => (isClosed = true))
  await clock.advance(4999)
  t.equal(isClosed, false)
  await clock.advance(1)
  t.strictSame([isClosed, events.dropped, writes.length], [true, 1, 0])
  events.record(facts)
  t.equal(events.dropped, 2)
})
