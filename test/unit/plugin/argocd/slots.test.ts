import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { takeSlot, type Owner } from '../../../../plugin/argocd/slots.js'

const NOBODY = '00000000000000000001-999999999-1'

function taker(directory: string, slots: number, more: Partial<Parameters<typeof takeSlot>[0]> = {}) {
  return () => takeSlot({ directory, slots, signal: new AbortController().signal, pollMs: 1, ...more })
}

t.test('as many hold a slot at once as there are, in the order they came, and nothing is left behind', async t => {
  const directory = join(t.testdir(), 'slots')
  const take = taker(directory, 2)
  const order: number[] = []
  let held = 0
  let peak = 0
  const work = async (index: number) => {
    const slot = await take()
    order.push(index)
    held += 1
    peak = Math.max(peak, held)
    for (let turns = 0; turns < 20; turns++) await setImmediate()
    held -= 1
    await slot.release()
  }
  await Promise.all([0, 1, 2, 3, 4, 5].map(work))
  t.equal(peak, 2)
  t.strictSame([...order].sort(), [0, 1, 2, 3, 4, 5])
  t.strictSame(readdirSync(directory), [])
})

t.test('the ticket of a process that ended is removed, also where its number runs again', async t => {
  const directory = t.testdir({ [NOBODY]: '', [`00000000000000000002-${process.pid}-1`]: '', other: '' })
  const slot = await taker(directory, 1)()
  t.equal(readdirSync(directory).length, 2, 'its own ticket and the file of somebody else')
  await slot.release()
  t.strictSame(readdirSync(directory), ['other'])
})

t.test('a living owner is waited for, and an abort ends the waiting', async t => {
  const directory = t.testdir({ [NOBODY]: '' })
  const stop = new AbortController()
  const asked: Owner[] = []
  const waiting = taker(directory, 1, {
    signal: stop.signal,
    isAlive: owner => {
      asked.push(owner)
      if (asked.length === 3) stop.abort(new Error('the time is over'))
      return Promise.resolve(true)
    },
  })()
  await t.rejects(waiting, { message: 'the time is over' })
  t.strictSame(asked[0], { pid: 999_999_999, startTicks: '1' })
  t.strictSame(readdirSync(directory), [NOBODY], 'the ticket of the one who gave up is gone')
})

t.test('too many that wait, and a directory that cannot be used', async t => {
  const directory = t.testdir()
  for (let index = 0; index < 1_000; index++) {
    writeFileSync(join(directory, `${String(index).padStart(20, '0')}-1-1`), '')
  }
  await t.rejects(taker(directory, 1)(), { code: 'GATE_OVERLOADED' })
  const file = join(directory, 'file')
  writeFileSync(file, '')
  await t.rejects(taker(file, 1)(), { code: 'FILE_UNWRITABLE' })
})
