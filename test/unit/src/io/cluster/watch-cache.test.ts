import t from 'tap'
import {
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  type ListPage,
  type WatchEvent,
} from '../../../../../src/io/cluster/cluster-client.js'
import { createWatchCache } from '../../../../../src/io/cluster/watch-cache.js'
import { InstantClock, settle } from '../../../../helpers/fake-clock.js'
import { silentLog } from '../../../../helpers/silent-log.js'

const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' }

const object = (name: string, resourceVersion: string, uid = `uid of ${name}`): ClusterObject => ({
  metadata: { name, resourceVersion, uid },
})
const page = (resourceVersion: string, items: readonly ClusterObject[], continueToken = ''): ListPage => ({
  items,
  resourceVersion,
  continueToken,
  remainingItemCount: null,
})
const event = (type: WatchEvent['type'], ...of: Parameters<typeof object>): WatchEvent => ({
  type,
  object: object(...of),
})
const refused = (status: number, retryAfterSeconds: number | null = null) =>
  new ClusterError('refused', { status, retryAfterSeconds })

/** The answers to lists and watches in their order; the last watch stays open. */
async function play(script: {
  readonly lists: readonly (ListPage | ClusterError)[]
  readonly watches: readonly (readonly (WatchEvent | ClusterError)[])[]
}) {
  const clock = new InstantClock()
  const asked: string[] = []
  const lists = [...script.lists]
  const watches = [...script.watches]
  const ending = new AbortController()
  const client: Pick<ClusterClient, 'list' | 'watch'> = {
    list: (_collection, { limit, continueToken, labelSelector } = {}) => {
      asked.push(
        ['list', limit, continueToken, labelSelector].filter(each => each !== '' && each !== undefined).join(' '),
      )
      const next = lists.shift() ?? refused(500)
      return next instanceof ClusterError ? Promise.reject(next) : Promise.resolve(next)
    },
    watch: async function* (_collection, { resourceVersion, signal }) {
      asked.push(`watch ${resourceVersion}`)
      const events = watches.shift()
      for (const each of events ?? []) {
        if (each instanceof ClusterError) throw each
        yield each
      }
      if (watches.length > 0 || events === undefined) {
        // As long as a watch usually is.
        clock.jump(300_000)
        if (events !== undefined) return
      }
      await new Promise(resolve => {
        signal.addEventListener('abort', resolve)
      })
    },
  }
  const changes: string[] = []
  const cache = createWatchCache(client, NAMESPACES, {
    labelSelector: 'a=b',
    transform: each => JSON.stringify(each.metadata),
    onChange: ({ type, namespace, name }) => {
      changes.push(`${type} ${namespace}${name}`)
      if (name === 'faulty') throw new Error('the receiver has a fault')
    },
    signal: ending.signal,
    log: silentLog(),
    clock,
  })
  await settle()
  await settle()
  ending.abort()
  return {
    cache,
    changes,
    asked,
    waits: clock.waits,
    names: [...cache.values()].map(each => (JSON.parse(each) as { name: string }).name),
  }
}

t.test('a list in pages, then what a watch tells', async t => {
  const { cache, changes, asked, names } = await play({
    lists: [page('5', [object('a', '1'), object('b', '2')], 'more'), page('5', [object('c', '3')])],
    watches: [
      [event('MODIFIED', 'a', '6'), event('DELETED', 'b', '7'), event('ADDED', 'd', '8'), event('BOOKMARK', '', '9')],
      [],
    ],
  })
  await cache.synced
  t.strictSame(changes, ['ADDED a', 'ADDED b', 'ADDED c', 'MODIFIED a', 'DELETED b', 'ADDED d'])
  t.strictSame(asked, ['list 500 a=b', 'list 500 more a=b', 'watch 5', 'watch 9'], 'goes on behind the bookmark')
  t.strictSame(names, ['a', 'c', 'd'])
  t.strictSame([cache.isSynced, cache.size], [true, 3])
  t.equal(cache.get('', 'a'), '{"name":"a","resourceVersion":"6","uid":"uid of a"}')
  t.equal(cache.get('', 'b'), undefined)
  t.equal(cache.lastContactMs > 0, true)
})

t.test('what happened before a list after 410 is told all the same', async t => {
  const { changes, asked, waits } = await play({
    lists: [
      page('5', [object('same', '1'), object('changed', '2'), object('gone', '3'), object('replaced', '4', 'first')]),
      page('20', [
        object('same', '1'),
        object('changed', '12'),
        object('replaced', '13', 'second'),
        object('new', '14'),
      ]),
    ],
    watches: [[refused(410)], []],
  })
  t.strictSame(changes.slice(4), [
    'MODIFIED changed',
    'DELETED replaced',
    'ADDED replaced',
    'ADDED new',
    'DELETED gone',
  ])
  t.strictSame(asked, ['list 500 a=b', 'watch 5', 'list 500 a=b', 'watch 20'])
  t.strictSame(waits, [], 'at once')
})

t.test('a server that always forgets is asked more and more rarely', async t => {
  const { asked, waits } = await play({
    lists: [page('5', []), page('6', []), page('7', [])],
    watches: [[refused(410)], [refused(410)], [refused(410)], []],
  })
  t.strictSame(asked.slice(0, 6), ['list 500 a=b', 'watch 5', 'list 500 a=b', 'watch 6', 'list 500 a=b', 'watch 7'])
  t.strictSame(waits.slice(0, 2), [750, 1500])
})

t.test('failures are waited out, longer each time and as the server says, and nothing is forgotten', async t => {
  const { cache, asked, waits, changes } = await play({
    lists: [refused(0), refused(429, 7), page('5', [object('a', '1')])],
    watches: [[refused(0)], [refused(503)], [event('MODIFIED', 'a', '6'), refused(0)], []],
  })
  t.strictSame(asked, ['list 500 a=b', 'list 500 a=b', 'list 500 a=b', 'watch 5', 'watch 5', 'watch 5', 'watch 6'])
  t.strictSame(waits, [375, 7000, 1500, 3000, 375], 'an event begins the count anew')
  t.strictSame(changes, ['ADDED a', 'MODIFIED a'])
  t.equal(cache.size, 1)
})

t.test('the longest wait is half a minute', async t => {
  const { waits, cache } = await play({ lists: [], watches: [] })
  t.strictSame(waits.slice(0, 9), [375, 750, 1500, 3000, 6000, 12000, 22500, 22500, 22500])
  t.equal(cache.isSynced, false)
})

t.test('a receiver with a fault loses nothing', async t => {
  const { cache, names } = await play({
    lists: [page('5', [object('faulty', '1'), object('b', '2')])],
    watches: [[event('ADDED', 'c', '6')], []],
  })
  t.strictSame(names, ['faulty', 'b', 'c'])
  t.equal(cache.isSynced, true)
})
