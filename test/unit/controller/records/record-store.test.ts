import {
  appendFileSync,
  mkdirSync,
  rmdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRecordStore } from '../../../../controller/records/record-store.js'
import { decisionRecord, type GateRecord, recordLine, renderRecord } from '../../../../src/provenance/record.js'
import { FACTS, quotingDecision, WEB } from '../../../helpers/gate-records.js'
import { silentLog } from '../../../helpers/silent-log.js'

const record = (digest: string, name = 'web'): GateRecord =>
  renderRecord(FACTS, { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name }, digest)
const LINE_BYTES = recordLine(record('digest-0')).length + 1

const open = (directory: string, limits: { maxSegmentBytes?: number; maxTotalBytes?: number } = {}, lines?: string[]) =>
  openRecordStore({ directory, ...limits, log: silentLog(lines) })

t.test('records are read by digest and by subject, and a second delivery does nothing', async t => {
  const directory = join(t.testdir(), 'made', 'when needed')
  const store = await open(directory)
  const [a, b, same] = [record('digest-a'), record('digest-b'), record('digest-a', 'other')]
  t.strictSame(await store.append([a, b]), { appended: 2, known: 0 })
  t.strictSame(await store.append([a, same, same]), { appended: 1, known: 2 })
  t.strictSame(await store.find('digest', 'digest-a', 10), [same, a], 'the newest first')
  t.strictSame(await store.find('digest', 'digest-a', 1), [same])
  t.strictSame(await store.find('digest', 'digest-c', 10), [])
  t.strictSame(await store.find('subject', 'digest-a', 10), [])
  const denied = decisionRecord(FACTS, quotingDecision(WEB), 'digest-d')
  await store.append([denied])
  t.strictSame(await store.find('subject', 'subject-1', 10), [denied])
  t.strictSame(await store.find('digest', 'digest-d', 10), [denied])
  t.equal(store.count, 4)
  t.equal(store.bytes, statSync(join(directory, 'records-00000001.jsonl')).size)
  await store.close()

  const again = await open(directory)
  t.strictSame(await again.append([a]), { appended: 0, known: 1 }, 'also after a restart')
  t.strictSame(await again.find('digest', 'digest-a', 10), [same, a])
  await again.close()
})

t.test('what was half written is cut off, and what was answered for stays', async t => {
  const directory = t.testdir()
  const file = join(directory, 'records-00000001.jsonl')
  const first = await open(directory)
  await first.append([record('digest-a'), record('digest-b')])
  await first.close()
  const whole = readFileSync(file, 'utf8')
  for (const torn of ['{"id":"', recordLine(record('digest-c')), 'x'.repeat(40_000)]) {
    writeFileSync(file, whole + torn)
    const store = await open(directory)
    t.equal(store.count, 2)
    t.equal(readFileSync(file, 'utf8'), whole)
    t.strictSame(await store.append([record('digest-c')]), { appended: 1, known: 0 })
    t.strictSame(await store.find('digest', 'digest-c', 10), [record('digest-c')])
    await store.close()
    t.equal(readFileSync(file, 'utf8'), `${whole}${recordLine(record('digest-c'))}\n`)
  }
  truncateSync(file, 5)
  const store = await open(directory)
  t.strictSame([store.count, readFileSync(file, 'utf8')], [0, ''], 'not even one line')
  await store.close()
})

t.test('a broken line in the middle is passed over and counted', async t => {
  const directory = t.testdir()
  const file = join(directory, 'records-00000001.jsonl')
  writeFileSync(file, `${recordLine(record('digest-a'))}\nnot a record\n${'y'.repeat(400_000)}\n`)
  appendFileSync(file, `${recordLine(record('digest-b'))}\n`)
  const lines: string[] = []
  const store = await open(directory, {}, lines)
  t.strictSame(await store.find('digest', 'digest-b', 10), [record('digest-b')])
  t.strictSame(await store.find('digest', 'digest-a', 10), [record('digest-a')])
  t.match(lines[0], /"count":1,"message":"records could not be read"/)
  await store.close()
})

t.test('segments are closed at their size, and the oldest go', async t => {
  const directory = t.testdir()
  const store = await open(directory, { maxSegmentBytes: 2 * LINE_BYTES, maxTotalBytes: 4 * LINE_BYTES })
  for (let i = 0; i < 7; i += 1) await store.append([record(`digest-${i}`)])
  t.strictSame(readdirSync(directory).sort(), ['records-00000003.jsonl', 'records-00000004.jsonl'])
  t.equal(store.count, 3)
  t.equal(store.bytes, 3 * LINE_BYTES)
  const found = await Promise.all([0, 3, 4, 6].map(i => store.find('digest', `digest-${i}`, 10)))
  t.strictSame(
    found.map(each => each.length),
    [0, 0, 1, 1],
  )
  t.strictSame(await store.append([record('digest-0')]), { appended: 1, known: 0 }, 'what went may come again')
  await store.close()
  const again = await open(directory)
  t.equal(again.count, 4)
  await again.append([record('digest-9')])
  t.strictSame(readdirSync(directory).sort().at(-1), 'records-00000004.jsonl', 'it goes on with the last one')
  await again.close()
})

t.test('several who append at the same time do not mix', async t => {
  const store = await open(t.testdir(), { maxSegmentBytes: 5 * LINE_BYTES })
  const records = Array.from({ length: 40 }, (_, i) => record(`digest-${i}`))
  await Promise.all(records.map(each => store.append([each])))
  for (const [i, each] of records.entries()) t.strictSame(await store.find('digest', `digest-${i}`, 10), [each])
  await store.close()
})

t.test('a disk that cannot be written to is an error, and the next append works', async t => {
  const directory = t.testdir({ file: 'no directory' })
  await t.rejects(open(join(directory, 'file')), { code: 'FILE_UNWRITABLE' })
  const store = await open(directory, { maxSegmentBytes: LINE_BYTES })
  await store.append([record('digest-0')])
  // A directory stands where the next segment would be.
  mkdirSync(join(directory, 'records-00000002.jsonl'))
  await t.rejects(store.append([record('digest-1')]), { code: 'FILE_UNWRITABLE' })
  t.equal(store.count, 1)
  rmdirSync(join(directory, 'records-00000002.jsonl'))
  t.strictSame(await store.append([record('digest-1')]), { appended: 1, known: 0 })
  t.strictSame(await store.find('digest', 'digest-1', 10), [record('digest-1')])
  await store.close()
})
