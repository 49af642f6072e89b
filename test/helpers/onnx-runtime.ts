import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { ModelFile } from '../../src/risk/model-file.js'

/** What ONNX Runtime gives for rows of a model, each alone. */
export async function runtimeResults(
  { bytes, input, output }: Pick<ModelFile, 'bytes' | 'input' | 'output'>,
  rows: readonly Float32Array[],
): Promise<readonly number[]> {
  const session = await InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  const results: number[] = []
  for (const row of rows) {
    const found = await session.run({ [input]: new Tensor('float32', row, [1, row.length]) })
    results.push(Number(found[output]?.data[0]))
  }
  return results
}
