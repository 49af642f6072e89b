import t from 'tap'
import { createNotices } from '../../../../controller/notices/notices.js'
import { annotationTeller, eventTeller, WARNINGS_ANNOTATION } from '../../../../controller/notices/tellers.js'
import { laterWarnings, renderWarnings, warningsText } from '../../../../controller/notices/warnings.js'
import { ClusterError } from '../../../../src/io/cluster/cluster-client.js'
import type { EventFacts } from '../../../../src/io/cluster/event-recorder.js'
import { isJsonObject, type JsonObject, stringMembers } from '../../../../src/json.js'
import { decisionRecord, type GateRecord, renderRecord } from '../../../../src/provenance/record.js'
import { FakeClock, settle } from '../../../helpers/fake-clock.js'
import { FakeCluster } from '../../../helpers/fake-cluster.js'
import { FACTS, PASSWORD, quotingDecision, WEB } from '../../../helpers/gate-records.js'
import { silentLog } from '../../../helpers/silent-log.js'

const APPLICATIONS = { group: 'argoproj.io', version: 'v1alpha1', resource: 'applications', namespace: 'argocd' }
const MINUTE_MS = 60_000

/** The record of one object: its policies that warn; none: nothing was found. */
function record(name: string, policies: readonly string[], more: Partial<typeof FACTS> = {}): GateRecord {
  const decision = quotingDecision({ ...WEB, name })
  const violations = policies.flatMap(policy =>
    decision.violations.map(each => ({ ...each, policy, enforcementAction: 'warn' as const })),
  )
  const action = policies.length > 0 ? 'warn' : 'allow'
  return decisionRecord({ ...FACTS, ...more }, { ...decision, allowed: true, action, violations }, null)
}

function application(revision: string, status: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'shop', namespace: 'argocd', uid: 'uid-shop', annotations: { other: 'kept' } },
    status: { sync: { status: 'Synced', revision, ...status } },
  }
}

t.test('the warnings of a render', t => {
  const records = [
    record('web', ['probes', 'image_tag', 'probes']),
    renderRecord(FACTS, WEB, 'digest'),
    record('db', []),
    record('web', ['probes'], { application: 'other', revision: '0123456789abcdef' }),
  ]
  const renders = renderWarnings(records)
  t.strictSame(
    renders.map(each => [each.application, each.warnings]),
    [
      ['shop', ['Deployment shop/web: image_tag, probes']],
      ['other', ['Deployment shop/web: probes']],
    ],
  )
  t.strictSame(renders.map(warningsText), [
    '1 object with warnings at abc: Deployment shop/web: image_tag, probes',
    '1 object with warnings at 01234567: Deployment shop/web: probes',
  ])
  t.notOk(JSON.stringify(renders).includes(PASSWORD))
  t.strictSame(renderWarnings([record('web', [])]).map(warningsText), [''])
  t.end()
})

t.test('a text is bounded, and says how much it leaves out', t => {
  const many = Array.from({ length: 500 }, (_, i) => record(`web-${i}`, ['probes']))
  const [text = ''] = renderWarnings(many).map(warningsText)
  t.ok(text.length <= 1000 && text.length > 900, `${text.length}`)
  const shown = text.split('; ').length - 1
  t.match(text, /^500 objects with warnings at abc: Deployment shop\/web-0: probes; /)
  t.ok(text.endsWith(`; and ${500 - shown} more`))
  const [long] = renderWarnings([record('x'.repeat(2000), ['probes'])]).map(warningsText)
  t.equal(long, '1 object with warnings at abc: too many to name')
  t.end()
})

t.test('of two renders the later one counts, and parts of one come together', t => {
  const part = (atMs: number, warning: string, revision = 'abc') => ({
    ...{ application: 'shop', revision, atMs },
    warnings: [warning],
  })
  const warningsOf = (one: ReturnType<typeof part>, other: ReturnType<typeof part>) =>
    laterWarnings(one, other).warnings
  t.strictSame(warningsOf(part(1, 'a'), part(2, 'b')), ['b'])
  t.strictSame(warningsOf(part(2, 'a'), part(1, 'b')), ['a'])
  t.strictSame(warningsOf(part(1, 'a'), part(1, 'b')), ['a', 'b'])
  t.strictSame(warningsOf(part(1, 'a'), part(1, 'b', 'def')), ['b'])
  t.end()
})

function begin(kind: 'annotation' | 'event') {
  const cluster = new FakeCluster()
  const clock = new FakeClock()
  const ending = new AbortController()
  const lines: string[] = []
  const events: EventFacts[] = []
  const teller =
    kind === 'annotation' ? annotationTeller(cluster.client) : eventTeller({ record: each => events.push(each) })
  const parts = { client: cluster.client, applicationsNamespace: 'argocd', log: silentLog(lines), clock }
  const notices = createNotices(teller, parts)
  const running = notices.run(ending.signal)
  return {
    ...{ cluster, clock, lines, events, notices },
    annotations: () => {
      const metadata = cluster.find(APPLICATIONS, 'argocd', 'shop')?.metadata
      return stringMembers(isJsonObject(metadata) ? metadata.annotations : undefined)
    },
    patches: () => cluster.asked.filter(each => each.startsWith('patch')).length,
    end: async () => {
      ending.abort()
      await settle()
      await running
    },
  }
}

const TEXT = '1 object with warnings at abc: Deployment shop/web: probes'

t.test('the annotation follows the renders that were compared, and is written only where it changes', async t => {
  const run = begin('annotation')
  run.cluster.put(APPLICATIONS, application('before'))
  run.notices.take([record('web', ['probes'])])
  await run.clock.advance(MINUTE_MS)
  t.strictSame(run.annotations(), { other: 'kept' }, 'another revision is what was compared')

  run.cluster.put(APPLICATIONS, application('abc', { status: 'Unknown' }))
  await run.clock.advance(MINUTE_MS)
  t.strictSame(run.annotations(), { other: 'kept' }, 'a comparison that failed')

  run.cluster.put(APPLICATIONS, application('abc'))
  await run.clock.advance(MINUTE_MS)
  t.strictSame(run.annotations(), { other: 'kept', [WARNINGS_ANNOTATION]: TEXT })

  run.notices.take([record('web', ['probes'], { at: '2026-01-31T12:05:00Z' })])
  await run.clock.advance(2 * MINUTE_MS)
  t.equal(run.patches(), 1, 'it says so already')

  run.notices.take([record('web', [], { at: '2026-01-31T12:10:00Z' })])
  await run.clock.advance(2 * MINUTE_MS)
  t.strictSame(run.annotations(), { other: 'kept' }, 'gone with the last warning')
  t.equal(run.patches(), 2)
  await run.end()
})

t.test('an Application is told at most once a minute, of the last render', async t => {
  const run = begin('annotation')
  run.cluster.put(APPLICATIONS, application('abc'))
  run.notices.take([record('web', ['probes'])])
  await run.clock.advance(5_000)
  for (let i = 1; i <= 6; i += 1) {
    run.notices.take([record(`web-${i}`, ['probes'], { at: `2026-01-31T12:00:0${i}Z` })])
    await run.clock.advance(5_000)
  }
  t.equal(run.patches(), 1)
  await run.clock.advance(MINUTE_MS)
  t.equal(run.patches(), 2)
  t.match(run.annotations()[WARNINGS_ANNOTATION], 'shop/web-6')
  await run.end()
})

t.test('what is compared with several revisions, and what is in another namespace', async t => {
  const run = begin('event')
  const apps = { ...APPLICATIONS, namespace: 'team' }
  const { metadata, ...object } = application('', { revisions: ['other', 'abc'] })
  run.cluster.put(apps, { ...object, metadata: { ...(metadata as JsonObject), namespace: 'team' } })
  run.notices.take([record('web', ['probes'], { application: 'team_shop' })])
  await run.clock.advance(MINUTE_MS)
  t.strictSame(run.events, [
    {
      regarding: {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Application',
        namespace: 'team',
        name: 'shop',
        uid: 'uid-shop',
      },
      type: 'Warning',
      reason: 'PolicyWarnings',
      action: 'Render',
      note: TEXT,
    },
  ])
  await run.end()
})

t.test('an Event is recorded for other warnings only, and none where there are none', async t => {
  const run = begin('event')
  run.cluster.put(APPLICATIONS, application('abc'))
  const rounds = [['probes'], ['probes'], [], ['probes'], ['image_tag']]
  for (const [index, policies] of rounds.entries()) {
    run.notices.take([record('web', policies, { at: `2026-01-31T12:0${index}:00Z` })])
    await run.clock.advance(10 * MINUTE_MS)
  }
  t.strictSame(
    run.events.map(each => each.note.split(': ').at(-1)),
    ['probes', 'probes', 'image_tag'],
  )
  await run.end()
})

t.test('what is no Application, cannot be written, or is never compared is given up', async t => {
  const run = begin('annotation')
  run.notices.take([record('web', ['probes'], { application: '../secrets' })])
  run.notices.take([record('web', ['probes'], { application: 'gone' })])
  await run.clock.advance(MINUTE_MS)
  t.strictSame(run.cluster.asked, ['find argoproj.io/applications argocd/gone'])

  run.cluster.put(APPLICATIONS, application('abc'))
  run.cluster.refuse = asked => {
    if (asked.startsWith('patch')) throw new ClusterError('forbidden', { status: 403, reason: 'Forbidden' })
  }
  run.notices.take([record('web', ['probes'])])
  await run.clock.advance(10 * MINUTE_MS)
  t.equal(run.lines.filter(each => each.includes('could not be told')).length, 1)

  run.notices.take([record('web', ['probes'], { revision: 'preview', at: '2026-01-31T13:00:00Z' })])
  await run.clock.advance(11 * MINUTE_MS)
  const asked = run.cluster.asked.length
  await run.clock.advance(11 * MINUTE_MS)
  t.equal(run.cluster.asked.length, asked, 'nobody asks any more')
  await run.end()
})
