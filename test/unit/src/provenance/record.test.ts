import t from 'tap'
import {
  decisionRecord,
  type GateRecord,
  parseRecord,
  recordLine,
  renderRecord,
} from '../../../../src/provenance/record.js'
import { FACTS, PASSWORD, quotingDecision as decision, WEB } from '../../../helpers/gate-records.js'

t.test('a record of a Decision says which policies, and by what it is found', t => {
  const { id, ...record } = decisionRecord(FACTS, decision(WEB), 'digest-1')
  t.match(id, /^[0-9a-f]{64}$/)
  t.strictSame(record, {
    ...FACTS,
    kind: 'decision',
    decisionId: 'decision-1',
    subject: 'subject-1',
    digest: 'digest-1',
    resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
    decision: {
      allowed: false,
      action: 'deny',
      policies: [{ policy: 'run_as_root', enforcementAction: 'deny' }],
      riskScore: 0.5,
      bundle: { digest: 'sha256:2', revision: 'r' },
    },
  })
  t.end()
})

t.test('of a Secret there is no value, no text of a policy and no hash', t => {
  const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'db' }
  const records = [decisionRecord(FACTS, decision(secret), 'digest-1'), renderRecord(FACTS, secret, 'digest-1')]
  const text = records.map(recordLine).join('\n')
  for (const word of [PASSWORD, 'digest-1', 'subject-1', 'decision-1']) t.notOk(text.includes(word), word)
  t.strictSame(
    records.map(each => [each.decisionId, each.subject, each.digest]),
    [
      [null, null, null],
      [null, null, null],
    ],
  )
  t.notOk(recordLine(decisionRecord(FACTS, decision(WEB), null)).includes(PASSWORD), 'nor of anything else a value')
  t.end()
})

t.test('the id is that of the content, whenever it was said', t => {
  const record = renderRecord(FACTS, WEB, 'digest-1')
  t.equal(renderRecord({ ...FACTS, at: '2027-01-01T00:00:00Z' }, WEB, 'digest-1').id, record.id)
  const others = [
    renderRecord(FACTS, WEB, 'digest-2'),
    renderRecord({ ...FACTS, revision: 'abd' }, WEB, 'digest-1'),
    renderRecord(FACTS, { ...WEB, name: 'api' }, 'digest-1'),
    decisionRecord(FACTS, decision(WEB), 'digest-1'),
  ]
  t.equal(new Set([record, ...others].map(each => each.id)).size, 5)
  t.end()
})

t.test('a line is read as it was written, and nothing else in it is kept', t => {
  const record = decisionRecord(FACTS, decision(WEB), 'digest-1')
  t.strictSame(parseRecord(recordLine(record)), record)
  const stuffed = {
    ...record,
    password: PASSWORD,
    resource: { ...record.resource, data: PASSWORD },
    decision: { ...record.decision, note: PASSWORD },
  }
  t.strictSame(parseRecord(JSON.stringify(stuffed)), record)
  t.end()
})

t.test('what is no record is refused without being quoted', t => {
  const record = decisionRecord(FACTS, decision(WEB), 'digest-1')
  const changed = (change: object) => JSON.stringify({ ...record, ...change })
  const cases: Record<string, readonly [string, string]> = {
    'no JSON': [`{${PASSWORD}`, 'it is not JSON (MANIFEST_SYNTAX)'],
    'a key twice': ['{"id":1,"id":2}', 'it is not JSON (MANIFEST_DUPLICATE_KEY)'],
    'an array': ['[]', 'it is not an object'],
    'too long': [changed({ revision: 'x'.repeat(70_000) }), 'it is longer than 65536 characters'],
    'another kind': [changed({ kind: PASSWORD }), 'kind: must be decision or render'],
    'no time': [changed({ at: PASSWORD }), 'at: must be a time such as 2026-01-31T12:00:00Z'],
    'no project': [changed({ project: null }), 'application, project, revision: must be texts'],
    'a subject that is a number': [changed({ subject: 1 }), 'decisionId, subject, digest: must be texts or null'],
    'no resource': [
      changed({ resource: { kind: 'Secret' } }),
      'resource: must have the texts apiVersion, kind, namespace and name',
    ],
    'another action': [
      changed({ decision: { ...record.decision, policies: [{ policy: 'a', enforcementAction: 'no' }] } }),
      'decision: is none',
    ],
    'the id of another one': [changed({ digest: 'digest-2' }), 'id: is not that of the record'],
  }
  for (const [name, [line, reason]] of Object.entries(cases)) t.equal(parseRecord(line), reason, name)
  t.end()
})

t.test('a render with a Decision has none', t => {
  const record: GateRecord = renderRecord(FACTS, WEB, 'digest-1')
  t.strictSame(parseRecord(JSON.stringify({ ...record, decision: { allowed: true } })), record)
  t.end()
})
