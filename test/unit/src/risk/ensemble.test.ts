import fc from 'fast-check'
import t from 'tap'
import { evaluate, readEnsemble } from '../../../../src/risk/ensemble.js'
import { readOnnx } from '../../../../src/risk/onnx.js'
import { runtimeResults } from '../../../helpers/onnx-runtime.js'
import { ensembleModel, type TestEnsemble, type TestTree } from '../../../helpers/onnx-ensemble.js'

const COLUMNS = 3
const SPLIT: TestTree = {
  column: 1,
  below: 0.5,
  left: { weight: -1, cover: 30 },
  right: { column: 2, below: 1.5, left: { weight: 2, cover: 5 }, right: { weight: 4, cover: 5 } },
}
const FINE: TestEnsemble = { trees: [SPLIT, { weight: 0.25, cover: 40 }], columns: COLUMNS, base: -2 }
const read = (bytes: Uint8Array) => readEnsemble(readOnnx(bytes), COLUMNS)

t.test('a model is read as the arrays that it is', t => {
  const { trees, base } = read(ensembleModel(FINE))
  t.equal(base, -2)
  t.equal(trees.length, 2)
  const [tree] = trees
  t.strictSame(Array.from(tree?.feature ?? []), [1, -1, 2, -1, -1])
  t.strictSame(Array.from(tree?.value ?? []), [0, -1, 0, 2, 4])
  t.strictSame(Array.from(tree?.cover ?? []), [40, 30, 10, 5, 5])
  const cases: readonly (readonly [readonly number[], number])[] = [
    [[9, 0.5, 9], -2.75],
    [[9, 0.515625, 1.5], 0.25],
    [[9, 1, 1.515625], 2.25],
  ]
  for (const [row, wanted] of cases) t.equal(evaluate({ trees, base }, Float32Array.from(row)), wanted, row.join(' '))
  t.end()
})

const five: TestTree = { weight: 1, cover: 5 }
const ten: TestTree = { column: 0, below: 0.5, left: five, right: five }
const TWINS: TestTree = { column: 0, below: 0.5, left: ten, right: ten }
const leaf: TestTree = { weight: 1, cover: 1 }

/** What is not a model of ours, and what is said of it. */
const refused: Record<string, readonly [Partial<TestEnsemble>, RegExp]> = {
  'another operator': [{ opType: 'TreeEnsembleClassifier' }, /^must be one TreeEnsembleRegressor/],
  'more than the trees': [{ more: 1 }, /^must be one TreeEnsembleRegressor/],
  'a later opset': [{ opsets: [['', 17], ['ai.onnx.ml', 5]] }, /^needs opset 5 of ai\.onnx\.ml$/], // prettier-ignore
  'an opset of a stranger': [{ opsets: [['ai.onnx.ml', 3], ['com.example', 1]] }, /^needs opset 1 of com\.example$/], // prettier-ignore
  'no opset for trees': [{ opsets: [['', 17]] }, /^names no opset of ai\.onnx\.ml$/],
  'rows of another width': [{ width: 4 }, /^its input must be 32-bit floats of shape \[N, 3\]$/],
  'means instead of sums': [{ attributes: { aggregate_function: 'AVERAGE' } }, /^aggregate_function must be SUM/],
  'a result that is squeezed': [{ attributes: { post_transform: 'LOGISTIC' } }, /^post_transform must be NONE/],
  'two targets': [{ attributes: { n_targets: 2 } }, /^must have one target$/],
  'a missing list': [{ attributes: { nodes_hitrates: null } }, /^has no nodes_hitrates$/],
  'a short list': [{ attributes: { nodes_values: [1] } }, /^has 6 nodes and 1 of their threshold$/],
  'another comparison': [
    { trees: [leaf], attributes: { nodes_modes: ['BRANCH_GT'] } },
    /^has a node of mode BRANCH_GT$/,
  ],
  'trees out of order': [{ trees: [leaf], attributes: { nodes_treeids: [1] } }, /^tree 1 comes out of order$/],
  'nodes out of order': [
    { trees: [leaf], attributes: { nodes_nodeids: [1] } },
    /^node 1 of tree 0 comes out of order$/,
  ],
  'a column that is not there': [{ trees: [{ ...SPLIT, column: 3 }] }, /^tree 0 splits by column 3 of 3$/],
  'a threshold that is not a number': [{ trees: [{ ...SPLIT, below: NaN }] }, /^tree 0 has a threshold that is not/],
  'a branch to nowhere': [
    { trees: [SPLIT], attributes: { nodes_truenodeids: [9, 0, 3, 0, 0] } },
    /^tree 0 leads nowhere$/,
  ],
  'a branch to the root': [
    { trees: [SPLIT], attributes: { nodes_truenodeids: [0, 0, 3, 0, 0] } },
    /^tree 0 leads nowhere$/,
  ],
  'a branch that goes back': [
    {
      trees: [TWINS],
      attributes: { nodes_truenodeids: [1, 2, 0, 0, 1, 0, 0], nodes_hitrates: [20, 10, 5, 5, 10, 5, 5] },
    },
    /^tree 0 /,
  ],
  'nodes that two lead to': [
    {
      trees: [TWINS],
      attributes: { nodes_truenodeids: [1, 2, 0, 0, 2, 0, 0], nodes_falsenodeids: [4, 3, 0, 0, 3, 0, 0] },
    },
    /^tree 0 leads to a node twice$/,
  ],
  'one branch for both': [
    { trees: [TWINS], attributes: { nodes_falsenodeids: [4, 2, 0, 0, 6, 0, 0] } },
    /^tree 0 leads to a node twice$/,
  ],
  'nodes that nothing leads to': [
    {
      trees: [TWINS],
      attributes: {
        nodes_modes: ['BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF', 'LEAF', 'LEAF', 'LEAF', 'LEAF'],
        target_nodeids: [2, 3, 4, 5, 6],
        target_treeids: [0, 0, 0, 0, 0],
        target_ids: [0, 0, 0, 0, 0],
        target_weights: [1, 1, 1, 1, 1],
      },
    },
    /^tree 0 has nodes that nothing leads to$/,
  ],
  'rows that do not add up': [
    { trees: [SPLIT], attributes: { nodes_hitrates: [40, 30, 20, 5, 5] } },
    /^tree 0 has a node with other rows than its children$/,
  ],
  'covers that nobody has set': [
    { trees: [leaf], attributes: { nodes_hitrates: [0] } },
    /^tree 0 has a node without rows$/,
  ],
  'a leaf without a weight': [{ trees: [leaf], attributes: { target_weights: [] } }, /^has 1 leaves and 0 weights$/],
  'a weight of no leaf': [
    { trees: [leaf], attributes: { target_nodeids: [1] } },
    /^has a weight that is not of a leaf/,
  ],
  'a weight that is not a number': [{ trees: [{ weight: NaN, cover: 1 }] }, /^has a weight that is not a number$/],
  'two weights for a leaf': [
    { trees: [leaf, leaf], attributes: { target_treeids: [0, 0] } },
    /^has a weight that is not of a leaf/,
  ],
  'a base that is not a number': [{ base: NaN }, /^must have one base value$/],
  'leaves whose sum depends on the order': [
    { trees: [{ weight: 0.1, cover: 1 }] },
    /^its leaves and base must be multip/,
  ],
  'a base off the grid': [{ base: 2 ** -17 }, /^its leaves and base must be multiples of /],
  'sums that are too large to be exact': [{ base: -255.75 }, /^its sum may reach 260: from 256 on it is not exact$/],
}

for (const [name, [change, message]] of Object.entries(refused)) {
  t.test(`refused: ${name}`, t => {
    t.throws(() => read(ensembleModel({ ...FINE, ...change })), { message })
    t.end()
  })
}

t.test('a file that is cut off is not read as a shorter one', t => {
  const fine = ensembleModel({ ...FINE, metadata: { a: 'b' } })
  t.throws(() => readOnnx(fine.subarray(0, fine.length - 1)), { message: /^a field is cut off at byte / })
  t.throws(() => readOnnx(Uint8Array.of(8, 0x80)), { message: /^a number is cut off at byte 2$/ })
  const large = Uint8Array.of(8, ...Array.from({ length: 7 }, () => 0xff), 0x7f)
  t.throws(() => readOnnx(large), { message: /^a number at byte 1 is too large$/ })
  t.throws(() => readOnnx(Uint8Array.of(11)), { message: /^wire type 3 at byte 0$/ })
  t.end()
})

t.test('bytes that are anything are an error, and end soon', t => {
  const fine = ensembleModel({ ...FINE, metadata: { a: 'b' } })
  const spoilt = fc.tuple(fc.nat(fine.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Uint8Array.from(fine)
    bytes[at] = byte
    return bytes
  })
  const cut = fc.nat(fine.length - 1).map(length => fine.subarray(0, length))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), spoilt, cut), bytes => {
      try {
        const ensemble = read(bytes)
        if (!Number.isFinite(evaluate(ensemble, new Float32Array(COLUMNS)))) throw new TypeError('it is no number')
      } catch (error) {
        if (error instanceof TypeError && !error.message.includes('encoded data')) throw error
      }
    }),
    { numRuns: 3000 },
  )
  t.pass()
  t.end()
})

const tree: fc.Arbitrary<TestTree> = fc.letrec<{ node: TestTree; leaf: TestTree; split: TestTree }>(tie => ({
  node: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie('leaf'), tie('split')),
  leaf: fc.record({ weight: fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map(each => each / 2 ** 16), cover: fc.integer({ min: 1, max: 999 }) }), // prettier-ignore
  split: fc.record({
    column: fc.nat(COLUMNS - 1),
    below: fc.integer({ min: -128, max: 128 }).map(each => each / 64),
    left: tie('node'),
    right: tie('node'),
  }),
})).node

t.test('ONNX Runtime computes the same, to the last bit', async () => {
  const value = fc.integer({ min: -192, max: 192 }).map(each => each / 64)
  const rows = fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 5 }), rows, async (trees, values) => {
      const bytes = ensembleModel({ trees, columns: COLUMNS, base: 0.5 })
      const ensemble = read(bytes)
      const rows = values.map(each => Float32Array.from(each))
      const found = await runtimeResults({ bytes, input: 'features', output: 'logit' }, rows)
      for (const [index, row] of rows.entries()) {
        const wanted = evaluate(ensemble, row)
        if (found[index] !== wanted) throw new Error(`${found[index] ?? ''} instead of ${wanted}`)
      }
    }),
    { numRuns: 60 },
  )
})
