import { InferenceSession, Tensor } from 'onnxruntime-node'
import { GateError, thrownText } from '../errors.js'
import type { ModelFile } from './model-file.js'
import type { NativeCall, Session } from './running.js'

/**
 * Opens a model with ONNX Runtime: one thread, and tensors that are made once. Rows that are asked for at once are run one
 * after the other.
 *
 * @throws GateError (rejects with) BUNDLE_MODEL_INVALID when the runtime refuses it
 */
export async function openSession(file: ModelFile, columns: number, native: NativeCall): Promise<Session> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  }
  const session = await native(() => InferenceSession.create(file.bytes, options)).catch((error: unknown) => {
    const message = `${file.path} of the bundle cannot be loaded: ${thrownText(error)}`
    throw new GateError('BUNDLE_MODEL_INVALID', message, { cause: error })
  })
  const row = new Float32Array(columns)
  const result = new Float32Array(1)
  const feeds = { [file.input]: new Tensor('float32', row, [1, columns]) }
  const fetches = { [file.output]: new Tensor('float32', result, [1, 1]) }
  let last: Promise<unknown> = Promise.resolve()

  async function runRow(values: Float32Array): Promise<number> {
    row.set(values)
    result[0] = Number.NaN
    await native(() => session.run(feeds, fetches))
    return result[0]
  }

  return {
    run(values) {
      // The runtime reads the tensor later than it is asked.
      const found = last.then(() => runRow(values))
      last = found.catch(() => undefined)
      return found
    },
  }
}
