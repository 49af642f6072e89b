import t from 'tap'
import { type ClusterClient, ClusterError, type ClusterObject } from '../../../../../src/io/cluster/cluster-client.js'
import { type LeaderElection, startLeaderElection } from '../../../../../src/io/cluster/lease.js'
import { FakeClock, settle } from '../../../../helpers/fake-clock.js'
import { silentLog } from '../../../../helpers/silent-log.js'

type Client = Pick<ClusterClient, 'find' | 'create' | 'replace'>

/** One Lease, with optimistic concurrency. */
class Store {
  lease: ClusterObject | null = null
  version = 0

  client(access: () => 'works' | 'fails' | 'hangs' = () => 'works'): Client {
    const reach = async (signal: AbortSignal | undefined) => {
      const how = access()
      if (how === 'works') return
      if (how === 'hangs') {
        await new Promise<void>(resolve => signal?.addEventListener('abort', () => resolve()))
      }
      throw new ClusterError('no answer', { status: 0 })
    }
    const write = (lease: ClusterObject): ClusterObject => {
      this.version += 1
      const copy = JSON.parse(JSON.stringify(lease)) as { metadata: { resourceVersion?: string } }
      copy.metadata.resourceVersion = String(this.version)
      this.lease = copy
      return this.lease
    }
    return {
      find: async (_collection, _name, options) => {
        await reach(options?.signal)
        return this.lease
      },
      create: async (_collection, lease, options) => {
        await reach(options?.signal)
        if (this.lease !== null) throw new ClusterError('exists', { status: 409, reason: 'AlreadyExists' })
        return write(lease)
      },
      replace: async (_collection, _name, lease, options) => {
        await reach(options?.signal)
        const given = (lease as { metadata: { resourceVersion?: string } }).metadata.resourceVersion
        if (given !== String(this.version)) throw new ClusterError('conflict', { status: 409, reason: 'Conflict' })
        return write(lease)
      },
    }
  }

  spec(): Record<string, unknown> {
    return (this.lease as { spec: Record<string, unknown> } | null)?.spec ?? {}
  }
}

/** Replicas on one clock, what they did, and how each reaches the API server. */
function replicas(names: readonly string[], store = new Store(), clock = new FakeClock()) {
  const changes: string[] = []
  const access = new Map<string, 'works' | 'fails' | 'hangs'>()
  const stops = new Map(names.map(name => [name, new AbortController()]))
  const elections = new Map<string, LeaderElection>()
  const start = (name: string) => {
    const election = startLeaderElection(
      store.client(() => access.get(name) ?? 'works'),
      {
        namespace: 'lockkeeper',
        name: 'controller',
        identity: name,
        onStarted: signal => {
          changes.push(`${clock.monotonicMs()} ${name} started`)
          signal.addEventListener('abort', () => changes.push(`${clock.monotonicMs()} ${name} ends`))
        },
        onStopped: () => {
          changes.push(`${clock.monotonicMs()} ${name} stopped`)
        },
        signal: stops.get(name)?.signal ?? new AbortController().signal,
        log: silentLog(),
        clock,
      },
    )
    elections.set(name, election)
  }
  return { start, changes, access, stops, elections, store, clock }
}

t.test('the first one leads, renews, and gives the lease back in the end', async t => {
  const { start, changes, stops, elections, store, clock } = replicas(['a'])
  start('a')
  await settle()
  t.strictSame(store.spec(), {
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    renewTime: '2026-01-01T00:00:00.000000Z',
    acquireTime: '2026-01-01T00:00:00.000000Z',
    leaseTransitions: 0,
  })
  await clock.advance(60_000)
  t.strictSame([elections.get('a')?.isLeader, store.spec().renewTime], [true, '2026-01-01T00:01:00.000000Z'])
  stops.get('a')?.abort()
  await elections.get('a')?.done
  t.strictSame(changes, ['0 a started', '60000 a ends', '60000 a stopped'])
  t.strictSame([store.spec().holderIdentity, store.spec().leaseDurationSeconds], ['', 1])
  t.equal(elections.get('a')?.isLeader, false)
})

t.test('the second one waits for as long as the first one renews', async t => {
  const { start, changes, stops, elections, clock, store } = replicas(['a', 'b'])
  start('a')
  await settle()
  start('b')
  await clock.advance(120_000)
  t.strictSame([changes, elections.get('b')?.leader], [['0 a started'], 'a'])
  stops.get('a')?.abort()
  await clock.advance(5000)
  t.equal(changes.at(-1)?.endsWith('b started'), true)
  t.equal(store.spec().leaseTransitions, 1)
  stops.get('b')?.abort()
  await settle()
})

for (const how of ['fails', 'hangs'] as const) {
  t.test(`a leader whose API server ${how} ends before another one begins`, async t => {
    const { start, changes, stops, access, elections, clock } = replicas(['a', 'b'])
    start('a')
    await settle()
    start('b')
    await clock.advance(10_000)
    access.set('a', how)
    await clock.advance(40_000)
    const [, ends, stopped, began] = changes.map(each => Number(each.split(' ')[0]))
    t.strictSame(
      changes.map(each => each.replace(/^\d+ /, '')),
      ['a started', 'a ends', 'a stopped', 'b started'],
    )
    t.equal(ends, 20_000, 'ten seconds after it renewed last')
    t.equal(stopped, ends)
    t.ok((began ?? 0) >= 25_000, `the other one waited until the lease had ended: ${began ?? 0}`)
    access.set('a', 'works')
    stops.get('b')?.abort()
    await clock.advance(20_000)
    t.equal(elections.get('a')?.isLeader, true, 'and it may lead again')
    stops.get('a')?.abort()
    await clock.advance(0)
  })
}

t.test('a leader that was stopped for a while knows that it leads no more', async t => {
  const { start, elections, clock, changes, stops } = replicas(['a'])
  start('a')
  await settle()
  clock.jump(10_000)
  t.equal(elections.get('a')?.isLeader, false)
  await clock.advance(0)
  t.strictSame(changes, ['0 a started', '10000 a ends', '10000 a stopped'])
  stops.get('a')?.abort()
  await clock.advance(0)
})

t.test('of two that want a free lease at the same moment one gets it', async t => {
  const { start, changes, clock, stops, elections } = replicas(['a', 'b'])
  start('a')
  start('b')
  await clock.advance(30_000)
  t.equal(changes.length, 1)
  t.equal([...elections.values()].filter(({ isLeader }) => isLeader).length, 1)
  for (const stop of stops.values()) stop.abort()
  await clock.advance(0)
})

t.test("the leader's own clock does not matter", async t => {
  const store = new Store()
  // Renewed a year ahead by somebody whose clock is wrong.
  await store.client().create(
    { group: '', version: '', resource: '' },
    {
      metadata: { name: 'controller' },
      spec: {
        holderIdentity: 'z',
        leaseDurationSeconds: 15,
        renewTime: '2027-01-01T00:00:00.000000Z',
        leaseTransitions: 4,
      },
    },
  )
  const { start, changes, clock, stops } = replicas(['a'], store)
  start('a')
  await clock.advance(14_000)
  t.strictSame(changes, [])
  await clock.advance(6000)
  t.equal(changes.length, 1)
  t.equal(store.spec().leaseTransitions, 5)
  stops.get('a')?.abort()
  await clock.advance(0)
})
