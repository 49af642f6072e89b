import { evaluate } from './ensemble.js'
import type { ModelFile } from './model-file.js'

/** Runs one native call; a worker thread must not be ended while one runs. */
export type NativeCall = <T>(call: () => Promise<T>) => Promise<T>

/** A model that is ready to run. */
export interface Session {
  /** What the model gives for a row. */
  run(values: Float32Array): Promise<number>
}

/** Makes a model ready. @throws GateError (rejects with) BUNDLE_MODEL_INVALID */
export type OpenSession = (file: ModelFile, columns: number) => Promise<Session>

/**
 * Models as the arrays that were read, which start at once, and give what ONNX Runtime gives to the last bit: a model whose
 * sums depend on their order is refused.
 */
export const openArrays: OpenSession = ({ ensemble }) =>
  Promise.resolve({ run: values => Promise.resolve(evaluate(ensemble, values)) })

/** How a model is run: by ONNX Runtime, which is loaded only then, where native calls can be made. */
export async function runningBy(native: NativeCall | undefined): Promise<OpenSession> {
  if (native === undefined) return openArrays
  const { openSession } = await import('./session.js')
  return (file, columns) => openSession(file, columns, native)
}
