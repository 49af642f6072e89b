import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMetrics } from '../../../../controller/metrics.js'
import { createKeptRecords } from '../../../../controller/records/kept-records.js'
import { renderRecord } from '../../../../src/provenance/record.js'
import { settle } from '../../../helpers/fake-clock.js'
import { FACTS, WEB } from '../../../helpers/gate-records.js'
import { silentLog } from '../../../helpers/silent-log.js'

t.test('the directory is touched only while this replica leads, and each time what is there is known', async t => {
  const directory = join(t.testdir(), 'records')
  const metrics = createMetrics()
  let isKept: () => void = () => undefined
  const log = {
    ...silentLog(),
    info: (message: string) => {
      if (message === 'records are kept') isKept()
    },
  }
  const kept = createKeptRecords(directory, { metrics, log })
  const record = renderRecord(FACTS, WEB, 'digest-a')
  t.equal(kept.store, null)
  t.notOk(existsSync(directory), 'another replica may be writing there')

  const lead = async () => {
    const leading = new AbortController()
    const opened = new Promise<void>(resolve => (isKept = resolve))
    const running = kept.run(leading.signal)
    await opened
    // It is said just before the store is handed out.
    await settle()
    return async () => {
      leading.abort()
      await running
    }
  }
  const end = await lead()
  t.strictSame(await kept.store?.append([record]), { appended: 1, known: 0 })
  t.equal(metrics.readings.records(), 1)
  await end()
  t.equal(kept.store, null)
  t.equal(metrics.readings.records(), 0)

  const endAgain = await lead()
  t.strictSame(await kept.store?.append([record]), { appended: 0, known: 1 })
  await endAgain()
})

t.test('a directory that cannot be used ends the work with a reason', async t => {
  const file = join(t.testdir({ file: '' }), 'file')
  const kept = createKeptRecords(file, { metrics: createMetrics(), log: silentLog() })
  await t.rejects(kept.run(new AbortController().signal), { code: 'FILE_UNWRITABLE' })
  t.equal(kept.store, null)
})
