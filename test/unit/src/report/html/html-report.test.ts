import fc from 'fast-check'
import t from 'tap'
import type { Decision, Risk, SetDecision, Violation } from '../../../../../src/decision-types.js'
import type { JsonObject } from '../../../../../src/json.js'
import { changedPlaces } from '../../../../../src/report/html/changed-places.js'
import { markup } from '../../../../../src/report/html/escape.js'
import { createHtmlReport } from '../../../../../src/report/html/html-report.js'
import { manifestView } from '../../../../../src/report/html/manifest-view.js'
import { waterfall } from '../../../../../src/report/html/waterfall.js'
import { pod } from '../../../../helpers/requests.js'

const OPTIONS = { gate: 'cli', title: 'envs/prod', bundleName: 'ours', version: '1.2.3', now: '2026-06-01T12:00:00Z' } as const // prettier-ignore

const VIOLATION: Violation = {
  policy: 'host_namespaces',
  message: 'hostPID is true',
  enforcementAction: 'deny',
  severity: 'high',
  path: '/spec/hostPID',
  details: null,
  controls: ['CIS:5.2.3'],
  existing: false,
  remedy: { text: 'remove hostPID', patch: [{ op: 'remove', path: '/spec/hostPID' }] },
  docs: 'https://docs.example/host_namespaces',
}

const RISK: Risk = {
  score: 0.9,
  band: 'high',
  kind: 'object',
  threshold: 0.4,
  pValue: 0.0004,
  contributions: [
    { feature: 'pod.host_pid', value: 1, contribution: 1.5, paths: ['/spec/hostPID'], text: 'sees the node' },
    { feature: 'image.registry', value: 1, contribution: -0.5, paths: ['/spec/containers/0/image'], text: 'known' },
  ],
  model: { digest: 'sha256:00', version: '1.0.0' },
}

function decision(name: string, change: Partial<Decision> = {}): Decision {
  const action = change.action ?? 'deny'
  return {
    id: `id-${name}`,
    subject: `subject-${name}`,
    gate: 'cli',
    allowed: action !== 'deny',
    action,
    actions: { cli: action, argocd: action, flux: action, webhook: action, audit: action },
    violations: action === 'allow' ? [] : [VIOLATION],
    risk: null,
    anomaly: null,
    provenance: { class: 'approved', evidence: [] },
    degraded: [{ code: 'MODEL_MISSING', text: 'no model' }],
    exceptions: [],
    approvals: [],
    holds: [],
    unchanged: false,
    bundle: { digest: 'sha256:12', revision: 'r1' },
    inputs: { related: null, rarity: null },
    resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name, file: 'a.yaml', line: 3 },
    ...change,
  }
}

function endOf(change: Partial<SetDecision> = {}): Omit<SetDecision, 'decisions'> {
  return {
    id: 'set',
    allowed: false,
    action: 'deny',
    violations: [],
    errors: [],
    bundle: { digest: 'sha256:12', revision: 'r1' },
    summary: { judged: 1, allowed: 0, warned: 0, denied: 1, errors: 0 },
    ...change,
  }
}

/** The page of these Decisions about a Pod. */
function page(decisions: readonly Decision[], end: Partial<SetDecision> = {}, object: JsonObject = pod()): string {
  const report = createHtmlReport(OPTIONS)
  for (const each of decisions) report.add(each, { object, oldObject: null })
  return report.page(endOf(end), 0)
}

/** A page as it is read: without marks, spaces put together. */
function read(page: string): string {
  return page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replace(/\s+/g, ' ')
    .trim()
}

t.test('an object is shown with what is wrong, what mends it, its risk, and where all that stands', t => {
  const object = pod({ spec: { hostPID: true, containers: [{ name: 'main', image: 'web:1' }] } })
  const text = read(page([decision('web', { risk: RISK })], {}, object))
  t.equal(
    text,
    'lockkeeper: envs/prod DENIED envs/prod judged 2026-06-01T12:00:00Z with ours, sha256:12 , revision r1 · lockkeeper 1.2.3 ' +
      '1 judged 1 denied 0 with warnings 0 allowed 0 errors ' +
      'Pod shop/web a.yaml:3 DENIED ' +
      'host_namespaces high hostPID is true /spec/hostPID (CIS:5.2.3) remove hostPID remove /spec/hostPID ' +
      'risk of the object: 0.900, high Of harmless ones of this kind fewer than 0.1 % score as high (model 1.0.0). ' +
      'everything else: +1.20 everything else +1.20 sees the node: +1.50 sees the node +1.50 ' +
      'known: −0.50 known −0.50 score 0.900: +2.20 score 0.900 ' +
      'where it stands ⋯ 6 lines 7 app: web 8 spec: 9 hostPID: true ← host_namespaces · sees the node 10 containers: 11 - name: main ⋯ 1 line ' +
      'id-web',
  )
  t.end()
})

t.test('the worst comes first; what nothing was found in is counted', t => {
  const quiet = decision('quiet', { action: 'allow' })
  const risky = decision('risky', { action: 'allow', risk: RISK })
  const warned = decision('warned', { action: 'warn' })
  const worse = decision('worse', { risk: { ...RISK, score: 0.95 } })
  const held = decision('held', { action: 'allow', holds: [{ name: 'h', target: 't', by: 'ann', reason: 'wait', notAfter: 'x' }] }) // prettier-ignore
  const all = page([held, quiet, risky, warned, decision('bad'), worse], {
    summary: { judged: 6, allowed: 3, warned: 1, denied: 2, errors: 0 },
  })
  t.strictSame(
    [...all.matchAll(/<h2>Pod shop\/(\w+)/g)].map(match => match[1]),
    ['worse', 'bad', 'warned', 'risky', 'held'],
  )
  t.match(read(all), /held by ann until x \(h: wait\)/)
  t.match(read(all), /Nothing was found in 1 other object\./)
  t.end()
})

t.test('of very many objects the worst are shown, and the others counted', t => {
  const report = createHtmlReport(OPTIONS)
  for (let index = 0; index < 1000; index += 1) {
    const action = index % 100 === 0 ? 'deny' : 'warn'
    report.add(decision(`n${index}`, { action }), { object: pod(), oldObject: null })
  }
  const text = report.page(endOf({ summary: { judged: 1001, allowed: 1, warned: 990, denied: 10, errors: 0 } }), 2)
  t.equal([...text.matchAll(/<section class="deny">/g)].length, 10)
  t.equal([...text.matchAll(/<section class="warn">/g)].length, 290)
  t.match(
    read(text),
    /Nothing was found in 1 other object\. 700 objects with less to say are left out\. 2 files without/,
  )
  t.end()
})

t.test('what could not be judged, and what is true of the whole, stands above', t => {
  const text = read(
    page([], {
      errors: [{ code: 'MANIFEST_SYNTAX', message: 'bad indentation', file: 'b.yaml', line: 7 }],
      violations: [
        { ...VIOLATION, policy: 'pruned_share', message: 'half of it goes', objects: [decision('web').resource] },
      ],
      summary: { judged: 0, allowed: 0, warned: 0, denied: 0, errors: 1 },
    }),
  )
  t.match(text, /^lockkeeper: envs\/prod COULD NOT JUDGE EVERYTHING /)
  t.match(text, /what could not be judged MANIFEST_SYNTAX b\.yaml:7 bad indentation the change as a whole pruned_share high half of it goes Pod shop\/web/) // prettier-ignore
  t.end()
})

t.test('what is deleted is shown as it was', t => {
  const report = createHtmlReport(OPTIONS)
  report.add(decision('web'), { object: null, oldObject: pod({ spec: { hostPID: true } }) })
  t.match(read(report.page(endOf(), 0)), /what is deleted .* hostPID: true ← host_namespaces/)
  t.end()
})

t.test('nothing from a manifest or a policy becomes part of the page', t => {
  const hostile = '"><script>alert(1)</script><img src=x onerror=y>\u202e\u0007'
  const bad = decision(hostile, {
    violations: [{ ...VIOLATION, policy: hostile, message: hostile, docs: `javascript:${hostile}`, remedy: { text: hostile } }], // prettier-ignore
    risk: {
      ...RISK,
      contributions: [{ feature: hostile, value: 1, contribution: 1, paths: ['/spec'], text: hostile }],
    },
  })
  const text = page([bad], {}, pod({ metadata: { name: hostile, annotations: { [hostile]: hostile } } }))
  for (const each of ['<script', '<img', 'href="javascript', '\u202e', '\u0007']) t.notOk(text.includes(each), each)
  t.match(text, /default-src 'none'/)
  t.equal(markup`<a title="${'"\'&<b>\u0007'}">`.text, '<a title="&quot;&#39;&amp;&lt;b&gt;\\u{7}">')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value => {
      const { text } = markup`<a title="${value}">${value}</a>`
      if (!/^<a title="[^"<>']*">[^<>"']*<\/a>$/.test(text)) throw new Error(text)
    }),
  )
  t.end()
})

t.test('where an object has changed, the old value is said', t => {
  const before = { spec: { replicas: 2, image: 'a', list: [1], text: 'x'.repeat(80) }, gone: 1 }
  const after = { spec: { replicas: 3, image: 'a', list: [1, 2], text: 'y' }, 'a/b~c': {} }
  t.strictSame(
    changedPlaces(before, after).map(({ path, text }) => [path, text]),
    [
      ['/spec/replicas', 'was 2'],
      ['/spec/list/1', 'new'],
      ['/spec/text', 'changed'],
      ['/a~1b~0c', 'new'],
    ],
  )
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, index]))
  t.equal(changedPlaces({}, wide).length, 200)
  const report = createHtmlReport(OPTIONS)
  const oldObject = { kind: 'Secret', data: { a: 'b2xk' } }
  report.add(decision('s'), { object: { kind: 'Secret', data: { a: 'bmV3' } }, oldObject })
  t.notMatch(report.page(endOf(), 0), /b2xk|bmV3/, 'but not of a Secret')
  t.end()
})

t.test('of a long manifest, what is marked and what leads there is shown', t => {
  const lines = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, index]))
  const object = { metadata: lines, spec: { a: { b: lines } } }
  t.equal(
    read(manifestView(object, [{ path: '/spec/a/b/key50', kind: 'warn', text: 'here' }]).text),
    '⋯ 101 lines 102 spec: 103 a: 104 b: ⋯ 48 lines 153 key48: 48 154 key49: 49 155 key50: 50 ← here 156 key51: 51 157 key52: 52 ⋯ 47 lines',
  )
  t.match(read(manifestView(object, []).text), /^1 metadata: .* 12 key10: 10 ⋯ 192 lines$/)
  t.match(
    read(manifestView(object, [{ path: '/spec/a/c', kind: 'warn', text: 'missing' }]).text),
    /103 a: ← missing/,
    'what is missing is marked where it would be',
  )
  t.end()
})

t.test('the picture holds whatever a score is', t => {
  const score = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1))
  const contribution = fc.double({ min: -1e6, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(score, fc.array(contribution, { maxLength: 5 }), (score, values) => {
      const contributions = values.map(value => ({ ...RISK.contributions[0], contribution: value }) as Risk['contributions'][number]) // prettier-ignore
      const { text } = waterfall({ ...RISK, score, contributions })
      for (const [, left = '', width = ''] of text.matchAll(/<rect x="([^"]*)"[^>]*width="([^"]*)"/g)) {
        const [from, to] = [Number(left), Number(left) + Number(width)]
        if (!(from >= 400 && to <= 720)) throw new Error(`${from} to ${to}`)
      }
    }),
  )
  t.end()
})
