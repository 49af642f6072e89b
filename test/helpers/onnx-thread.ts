import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { NativeGuard } from '../../src/io/native-guard.js'
import { identityModel } from './onnx-model.js'

// Makes native calls without end, each through the guard, and says when the first one is done.
const guard = new NativeGuard(workerData as SharedArrayBuffer)
const session = await InferenceSession.create(identityModel(), { intraOpNumThreads: 1 })
const feeds = { x: new Tensor('float32', [1], [1]) }
for (let calls = 0; ; calls += 1) {
  await guard.run(() => session.run(feeds))
  if (calls === 0) parentPort?.postMessage('running')
}
