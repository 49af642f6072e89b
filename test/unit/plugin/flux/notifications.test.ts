import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Notice } from '../../../../plugin/flux/gate/notices.js'
import { createMetrics } from '../../../../plugin/flux/metrics.js'
import { createNotifications, eventBody } from '../../../../plugin/flux/notifications.js'
import { FakeClock, InstantClock } from '../../../helpers/fake-clock.js'
import { silentLog } from '../../../helpers/silent-log.js'

const notice: Notice = {
  facts: {
    regarding: {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      namespace: 'flux-system',
      name: 'shop',
      uid: 'u1',
    },
    type: 'Warning',
    reason: 'Denied',
    action: 'Judge',
    note: 'main@sha1:1 is held: Pod shop/debug: no',
  },
  metadata: { 'kustomize.toolkit.fluxcd.io/revision': 'main@sha1:1' },
}

t.test('the body is what notification-controller takes', t => {
  const date = new Date('2026-01-02T03:04:05.678Z')
  t.strictSame(JSON.parse(eventBody(notice, 'pod-1', date)), {
    involvedObject: {
      kind: 'Kustomization',
      namespace: 'flux-system',
      name: 'shop',
      uid: 'u1',
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    },
    severity: 'error',
    timestamp: '2026-01-02T03:04:05Z',
    message: 'main@sha1:1 is held: Pod shop/debug: no',
    reason: 'Denied',
    metadata: { 'kustomize.toolkit.fluxcd.io/revision': 'main@sha1:1' },
    reportingController: 'lockkeeper-flux',
    reportingInstance: 'pod-1',
  })
  const normal: Notice = { ...notice, facts: { ...notice.facts, type: 'Normal', note: 'x'.repeat(40_000) } }
  const body = JSON.parse(eventBody(normal, 'pod-1', date)) as { severity: string; message: string }
  t.strictSame([body.severity, body.message.length], ['info', 39_000])
  t.end()
})

/** Sends one event to a receiver that answers with these statuses, one after another; 0: not at all. */
async function sent(t: Test, statuses: readonly number[], sends = 1) {
  const got: { path: string; type: string; name: string }[] = []
  const left = [...statuses]
  const server = createServer((request, response) => {
    textOf(request).then(
      text => {
        const { involvedObject } = JSON.parse(text) as { involvedObject: { name: string } }
        got.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', name: involvedObject.name })
        const status = left.shift() ?? 202
        if (status === 0) response.destroy()
        else response.writeHead(status).end()
      },
      () => response.destroy(),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const metrics = createMetrics()
  const logs: string[] = []
  const notifications = createNotifications({
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    instance: 'pod-1',
    metrics,
    log: silentLog(logs),
    // What closes waits for the events, not for the time that they may take.
    clock: new PatientClock(),
  })
  for (let i = 0; i < sends; i += 1) notifications.send(notice)
  await notifications.close()
  notifications.send(notice)
  const { values } = await metrics.notifications.get()
  return { got, results: Object.fromEntries(values.map(each => [String(each.labels.result), each.value])) as object }
}

/** Waits between tries are over at once; the one for the end never is. */
class PatientClock extends InstantClock {
  override wait(ms: number, signal?: AbortSignal): Promise<void> {
    return ms === 5000 ? new FakeClock().wait(ms, signal) : super.wait(ms)
  }
}

t.test('an event', async t => {
  const cases = {
    'is sent once': { statuses: [202], tries: 1, results: { sent: 1, dropped: 1 } },
    'is sent again to a server that fails': { statuses: [500, 503, 200], tries: 3, results: { sent: 1, dropped: 1 } },
    'is sent again to a server that hangs up': { statuses: [0, 200], tries: 2, results: { sent: 1, dropped: 1 } },
    'is given up at last': { statuses: [500, 500, 500, 500], tries: 4, results: { failed: 1, dropped: 1 } },
    'is not sent again where it is known': { statuses: [429], tries: 1, results: { known: 1, dropped: 1 } },
    'is not sent again where it is refused': { statuses: [400], tries: 1, results: { failed: 1, dropped: 1 } },
  }
  for (const [name, { statuses, tries, results }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const found = await sent(t, statuses)
      t.strictSame(found.got, Array<unknown>(tries).fill({ path: '/', type: 'application/json', name: 'shop' }))
      t.strictSame(found.results, results)
    })
  }
  await t.test('is dropped where too many wait', async t => {
    const { results, got } = await sent(t, [], 600)
    t.equal(got.length, 501, 'one on its way, and those that may wait')
    t.strictSame(results, { sent: 501, dropped: 100 })
  })
})
