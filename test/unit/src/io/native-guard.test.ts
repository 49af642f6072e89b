import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { NativeGuard } from '../../../../src/io/native-guard.js'

const THREAD = new URL('../../../helpers/onnx-thread.js', import.meta.url)

t.test('a thread in a loop of ONNX calls is ended without harm', async t => {
  for (let round = 0; round < 10; round += 1) {
    const shared = new SharedArrayBuffer(4)
    const worker = new Worker(THREAD, { workerData: shared })
    await once(worker, 'message')
    t.equal(await new NativeGuard(shared).close(), true)
    t.equal(await worker.terminate(), 1)
  }
})

t.test('a guard is free again after a call, also after one that failed', async t => {
  const guard = new NativeGuard(new SharedArrayBuffer(4))
  t.equal(await guard.run(() => Promise.resolve(7)), 7)
  await t.rejects(
    guard.run(() => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  t.equal(await guard.run(() => Promise.resolve(8)), 8)
  t.equal(await guard.close(), true)
  t.equal(await guard.close(), true, 'closing twice is no mistake')
})

t.test('calls that are asked for at once are made one after the other', async t => {
  const guard = new NativeGuard(new SharedArrayBuffer(4))
  const log: string[] = []
  const call = (name: string) =>
    guard.run(async () => {
      log.push(`${name} begins`)
      await new Promise(resolve => setImmediate(resolve))
      log.push(`${name} ends`)
      return name
    })
  const failed = guard.run(() => Promise.reject(new Error('no')))
  t.strictSame(await Promise.all([call('a'), call('b')]), ['a', 'b'])
  await t.rejects(failed, { message: 'no' })
  t.strictSame(log, ['a begins', 'a ends', 'b begins', 'b ends'])
})

t.test('a call that does not end keeps the guard from closing', async t => {
  const guard = new NativeGuard(new SharedArrayBuffer(4))
  let end: (value: string) => void = () => undefined
  let call: Promise<string> | undefined
  await new Promise<void>(began => {
    call = guard.run(() => {
      began()
      return new Promise<string>(resolve => (end = resolve))
    })
  })
  t.equal(await guard.close(0), false)
  end('done')
  t.equal(await call, 'done')
  t.equal(await guard.close(), true)
})
