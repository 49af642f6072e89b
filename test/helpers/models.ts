import { readEnsemble, evaluate } from '../../src/risk/ensemble.js'
import { FEATURE_VERSION, OBJECT_FEATURES, type Feature } from '../../src/risk/features.js'
import { CHANGE_COLUMNS } from '../../src/risk/change-input.js'
import { readOnnx } from '../../src/risk/onnx.js'
import { ensembleModel, type TestTree } from './onnx-ensemble.js'

/** One model of a set for tests, and what may be wrong with it. */
export interface TestModel {
  readonly trees?: readonly TestTree[]
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly golden?: readonly unknown[]
}

export type TestModels = Readonly<Partial<Record<'objects' | 'changes' | 'isolation', TestModel>>>

/** A tree that asks for one feature, by its name. */
export function asking(columns: readonly Feature[], name: string, no: number, yes: number): TestTree {
  const column = columns.findIndex(each => each.name === name)
  if (column < 0) throw new Error(`there is no feature ${name}`)
  return { column, below: 0.5, left: { weight: no, cover: 90 }, right: { weight: yes, cover: 10 } }
}

const KINDS = {
  objects: { kind: 'object', columns: OBJECT_FEATURES, result: 'logit' },
  changes: { kind: 'change', columns: CHANGE_COLUMNS, result: 'logit' },
  isolation: { kind: 'isolation', columns: OBJECT_FEATURES, result: 'depth' },
} as const

const TREES: Readonly<Record<keyof typeof KINDS, readonly TestTree[]>> = {
  objects: [asking(OBJECT_FEATURES, 'pod.privileged', -4, 3)],
  changes: [asking(CHANGE_COLUMNS, 'delta.pod.privileged', -6, 5)],
  isolation: [asking(OBJECT_FEATURES, 'pod.privileged', 12, 4)],
}

const group = (kinds: readonly string[], slope: number) => ({
  ...{ kinds, slope, intercept: 0, benign: [-9, -5, -2], benignCount: 3, warn: 0, deny: 2 },
})
export const GROUPS = { workload: group(['Pod', 'Deployment'], 1), other: group([], 0.5) }

/** The files of a bundle's models: three small ones that look for privileged containers. */
export function modelFiles(change: TestModels = {}): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const golden: Record<string, unknown> = {}
  for (const name of ['objects', 'changes', 'isolation'] as const) {
    const { kind, columns, result } = KINDS[name]
    const { trees = TREES[name], metadata = {}, golden: rows } = change[name] ?? {}
    const bytes = ensembleModel({
      trees,
      columns: columns.length,
      metadata: {
        ...{ schema: 1, kind, version: '1.2.3', featureVersion: FEATURE_VERSION, grid: 0.015625, seed: 1 },
        ...{
          columns: columns.map(each => each.name),
          corpus: {},
          sampleSize: 256,
          groups: GROUPS,
          otherGroup: 'other',
        },
        ...metadata,
      },
    })
    files.set(`model/${name}.onnx`, bytes)
    golden[name] = rows ?? goldenRows(bytes, columns, kind, result)
  }
  files.set('model/golden.json', new TextEncoder().encode(JSON.stringify(golden)))
  return files
}

function goldenRows(bytes: Uint8Array, columns: readonly Feature[], kind: string, result: string): readonly unknown[] {
  try {
    const ensemble = readEnsemble(readOnnx(bytes), columns.length)
    return Array.from({ length: 8 }, (_, index) => {
      const row = new Float32Array(columns.length)
      const values: Record<string, number> = {}
      for (let column = index; column < columns.length; column += 8) {
        row[column] = 1
        values[columns[column]?.name ?? ''] = 1
      }
      const found = evaluate(ensemble, row)
      return {
        values,
        [result]: found,
        ...(kind === 'isolation' ? {} : { kind: 'Pod', score: 1 / (1 + Math.exp(-found)) }),
      }
    })
  } catch {
    // A model that cannot be read has no rows; that is what its test is about.
    return []
  }
}
