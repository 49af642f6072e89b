import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { AdmissionRecord } from '../../../../src/admission-record.js'
import { readStream } from '../../../../src/io/files.js'
import { createTracing, NO_TRACING, type Tracing, type TracingOptions } from '../../../../src/io/tracing.js'

t.setTimeout(60_000)

interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly status: { readonly code: number; readonly message?: string }
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, string | number | boolean> }[]
}

interface SentSpans {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: SentSpan['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[]
  }[]
}

/** An OTLP/HTTP receiver. */
interface Collector {
  readonly endpoint: string
  readonly sent: SentSpans[]
  readonly paths: (string | undefined)[]
  readonly spans: () => SentSpan[]
}

async function collector(t: Test, status = 200): Promise<Collector> {
  const [sent, paths]: [SentSpans[], (string | undefined)[]] = [[], []]
  const server = createServer((request, response) => {
    readStream(request, 'traces', 1 << 22).then(
      bytes => {
        paths.push(request.url)
        sent.push(JSON.parse(Buffer.from(bytes).toString('utf8')) as SentSpans)
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
      },
      () => response.destroy(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const spans = (): SentSpan[] =>
    sent.flatMap(each => each.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(scope => scope.spans)))
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent, paths, spans }
}

function tracing(endpoint: string, change: Partial<TracingOptions> = {}): Promise<Tracing> {
  return createTracing({
    endpoint,
    version: '1.2.3',
    instance: 'pod-a',
    onFailing: () => undefined,
    timeoutMs: 2000,
    ...change,
  })
}

function attributes(of: SentSpan['attributes']): Record<string, unknown> {
  return Object.fromEntries(of.map(({ key, value }) => [key, Object.values(value)[0]]))
}

const RECORD: AdmissionRecord = {
  request: {
    uid: 'u-1',
    operation: 'CREATE',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    subResource: '',
    namespace: 'shop',
    name: 'web',
    dryRun: true,
    username: 'alice',
    groups: ['developers'],
  },
  allowed: false,
  action: 'deny',
  policies: [
    { policy: 'one', action: 'deny' },
    { policy: 'two', action: 'warn' },
  ],
  decisionId: 'sha256:d',
  provenance: 'approved',
  unchanged: false,
  error: null,
  cache: { hits: 0, misses: 0 },
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const PARENT_ID = 'b7ad6b7169203331'
const SAMPLED = `00-${TRACE_ID}-${PARENT_ID}-01`

t.test("the spans of a review continue the caller's trace", async t => {
  const { endpoint, spans, sent, paths } = await collector(t)
  const traces = await tracing(endpoint)
  const review = traces.review({ traceparent: SAMPLED, tracestate: 'vendor=1' })
  const endQueue = review.begin('queue')
  endQueue()
  const endWorker = review.begin('worker')
  endWorker()
  review.end(RECORD, 'r7')
  await traces.close()
  const byName = Object.fromEntries(spans().map(span => [span.name, span]))
  const root = byName['admission review']
  if (root === undefined) throw new Error('the review was not sent')
  t.strictSame(Object.keys(byName).sort(), ['admission review', 'queue', 'worker'])
  t.strictSame(
    spans().map(span => span.traceId),
    [TRACE_ID, TRACE_ID, TRACE_ID],
  )
  t.equal(root.parentSpanId, PARENT_ID)
  t.strictSame([byName.queue?.parentSpanId, byName.worker?.parentSpanId], [root.spanId, root.spanId])
  t.strictSame([root.kind, byName.queue?.kind], [2, 1], 'a server span and internal ones')
  t.strictSame(review.ids, { traceId: TRACE_ID, spanId: root.spanId })
  t.ok(BigInt(root.startTimeUnixNano) <= BigInt(byName.queue?.startTimeUnixNano ?? 0))
  t.ok(BigInt(root.endTimeUnixNano) >= BigInt(byName.worker?.endTimeUnixNano ?? 0))
  t.equal(root.status.code, 0, 'a denial is no error')
  t.strictSame(attributes(root.attributes), {
    'lockkeeper.request.uid': 'u-1',
    'lockkeeper.request.operation': 'CREATE',
    'lockkeeper.request.group': 'apps',
    'lockkeeper.request.kind': 'Deployment',
    'lockkeeper.request.resource': 'deployments',
    'lockkeeper.request.subresource': '',
    'lockkeeper.request.name': 'web',
    'lockkeeper.request.dry_run': true,
    'k8s.namespace.name': 'shop',
    'user.name': 'alice',
    'lockkeeper.decision.action': 'deny',
    'lockkeeper.decision.policies': 2,
    'lockkeeper.decision.unchanged': false,
    'lockkeeper.decision.id': 'sha256:d',
    'lockkeeper.decision.provenance': 'approved',
    'lockkeeper.bundle.revision': 'r7',
  })
  t.strictSame(attributes(sent[0]?.resourceSpans[0]?.resource.attributes ?? []), {
    'service.name': 'lockkeeper-webhook',
    'service.version': '1.2.3',
    'service.instance.id': 'pod-a',
  })
  t.strictSame([...new Set(paths)], ['/v1/traces'])
})

t.test('a review that could not be judged is an error by its code', async t => {
  const { endpoint, spans } = await collector(t)
  const traces = await tracing(`${endpoint}/own/path`)
  const error = { code: 'REVIEW_INVALID', message: 'quotes the request' } as const
  const record = { ...RECORD, request: null, decisionId: null, provenance: null, policies: [], error }
  traces.review({ traceparent: SAMPLED }).end(record, null)
  await traces.close()
  const [span] = spans()
  t.strictSame(span?.status, { code: 2, message: 'REVIEW_INVALID' })
  t.strictSame(attributes(span?.attributes ?? []), {
    'lockkeeper.decision.action': 'deny',
    'lockkeeper.decision.policies': 0,
    'lockkeeper.decision.unchanged': false,
    'error.type': 'REVIEW_INVALID',
  })
})

t.test('the caller decides what is sampled; without one a share is', async t => {
  const cases: Record<string, readonly [string | undefined, number, boolean]> = {
    'the caller samples': [SAMPLED, 0, true],
    'the caller does not': [`00-${TRACE_ID}-${PARENT_ID}-00`, 1, false],
    'no caller, and all of them': [undefined, 1, true],
    'no caller, and none of them': [undefined, 0, false],
    'a malformed header is none': ['00-zz-01', 1, true],
    'so is a trace of nothing but zeros': [`00-${'0'.repeat(32)}-${PARENT_ID}-01`, 0, false],
  }
  for (const [name, [traceparent, rootRatio, isSent]] of Object.entries(cases)) {
    const { endpoint, spans } = await collector(t)
    const traces = await tracing(endpoint, { rootRatio })
    const review = traces.review({ traceparent })
    review.begin('queue')()
    review.end(RECORD, 'r7')
    await traces.close()
    t.equal(spans().length, isSent ? 2 : 0, name)
    t.match(review.ids, { traceId: /^[0-9a-f]{32}$/, spanId: /^[0-9a-f]{16}$/ }, name)
    t.equal(review.ids?.traceId === TRACE_ID, traceparent?.includes(TRACE_ID) === true, name)
  }
})

t.test('a receiver that is away or refuses is said once, and disturbs no review', async t => {
  const refusing = await collector(t, 400)
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  const cases = { refusing: refusing.endpoint, 'nobody there': `http://127.0.0.1:${port}` }
  for (const [name, endpoint] of Object.entries(cases)) {
    const errors: unknown[] = []
    const traces = await tracing(endpoint, { timeoutMs: 500, onFailing: error => errors.push(error) })
    for (let index = 0; index < 3000; index++) traces.review({ traceparent: SAMPLED }).end(RECORD, 'r7')
    await traces.close()
    t.equal(errors.length, 1, name)
    t.ok(errors[0] instanceof Error, name)
  }
})

t.test('an endpoint that is no URL is refused', async t => {
  await t.rejects(tracing('collector'), {
    code: 'CONFIG_INVALID',
    message: 'traces: collector is not a URL',
  })
})

t.test('what is off costs nothing, and nothing of OpenTelemetry is loaded', async t => {
  const review = NO_TRACING.review({ traceparent: SAMPLED })
  review.begin('queue')()
  review.end(RECORD, 'r7')
  t.equal(review.ids, null)
  await NO_TRACING.close()
  const module = new URL('../../../../src/io/tracing.js', import.meta.url).href
  const script = `
    import { createRequire } from 'node:module'
    await import('${module}')
    console.log(Object.keys(createRequire('${module}').cache).filter(file => file.includes('opentelemetry')).length)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  t.strictSame([stdout, stderr], ['0\n', ''])
})
