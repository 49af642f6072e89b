import fc from 'fast-check'
import t from 'tap'
import type { Ensemble, Tree } from '../../../../src/risk/ensemble.js'
import { createExplainer } from '../../../../src/risk/tree-shap.js'

t.setTimeout(240_000)

/** A tree for people: a leaf, or a split with what lies below and above. */
type Node =
  | { readonly leaf: number; readonly cover: number }
  | { readonly column: number; readonly threshold: number; readonly low: Node; readonly high: Node }

function coverOf(node: Node): number {
  return 'leaf' in node ? node.cover : coverOf(node.low) + coverOf(node.high)
}

function treeOf(root: Node): Tree {
  const nodes: Node[] = [root]
  const children: (readonly [left: number, right: number])[] = []
  // The list grows while it is read.
  for (const node of nodes) {
    if ('leaf' in node) {
      children.push([0, 0])
    } else {
      children.push([nodes.length, nodes.length + 1])
      nodes.push(node.low, node.high)
    }
  }
  return {
    feature: Int32Array.from(nodes, node => ('leaf' in node ? -1 : node.column)),
    threshold: Float32Array.from(nodes, node => ('leaf' in node ? 0 : node.threshold)),
    left: Int32Array.from(children, ([left]) => left),
    right: Int32Array.from(children, ([, right]) => right),
    value: Float64Array.from(nodes, node => ('leaf' in node ? node.leaf : 0)),
    cover: Float64Array.from(nodes, coverOf),
  }
}

/** What a tree gives when only some columns are known: a split by another goes both ways, weighed by the covers. */
function conditional(node: Node, row: Float32Array, isKnown: (column: number) => boolean): number {
  if ('leaf' in node) return node.leaf
  const { column, threshold, low, high } = node
  if (isKnown(column)) return conditional((row[column] ?? 0) <= threshold ? low : high, row, isKnown)
  const [below, above] = [coverOf(low), coverOf(high)]
  if (below + above === 0) return 0
  return (below * conditional(low, row, isKnown) + above * conditional(high, row, isKnown)) / (below + above)
}

/** The definition: over all sets of the other columns, what the column adds, weighed by the orders that give the set. */
function shapleyValues(roots: readonly Node[], row: Float32Array): number[] {
  const columns = row.length
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))
  const worth = Array.from({ length: 2 ** columns }, (_, set) =>
    roots.reduce((sum, root) => sum + conditional(root, row, column => ((set >> column) & 1) === 1), 0),
  )
  return Array.from(row, (_, column) =>
    worth.reduce((sum, without, set) => {
      if (((set >> column) & 1) === 1) return sum
      const size = set.toString(2).replaceAll('0', '').length
      const weight = (factorial(size) * factorial(columns - size - 1)) / factorial(columns)
      return sum + weight * ((worth[set | (1 << column)] ?? 0) - without)
    }, 0),
  )
}

/** Random trees: columns come again within a path, values lie on thresholds, and some leaves no training row reached. */
function nodes(columns: number, depth: number, covers: fc.Arbitrary<number>): fc.Arbitrary<Node> {
  const leaf = fc.record({ leaf: fc.double({ min: -2, max: 2, noNaN: true }), cover: covers })
  if (depth === 0) return leaf
  const child = nodes(columns, depth - 1, covers)
  const split = fc.record({ column: fc.nat(columns - 1), threshold: fc.nat(3), low: child, high: child })
  return fc.oneof({ weight: 1, arbitrary: leaf }, { weight: 6, arbitrary: split })
}

function rowsOf(columns: number): fc.Arbitrary<Float32Array> {
  return fc
    .array(fc.integer({ min: 0, max: 8 }), { minLength: columns, maxLength: columns })
    .map(halves => Float32Array.from(halves, half => half / 2))
}

function ensembleOf(roots: readonly Node[], base = 0): Ensemble {
  return { trees: roots.map(treeOf), base }
}

function largestDifference(a: Iterable<number>, b: Iterable<number>): number {
  const others = [...b]
  return Math.max(...[...a].map((each, index) => Math.abs(each - (others[index] ?? NaN))))
}

t.test('contributions are the Shapley values of the definition', t => {
  const covers = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 50 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  )
  fc.assert(
    fc.property(fc.array(nodes(5, 6, covers), { minLength: 1, maxLength: 3 }), rowsOf(5), (roots, row) => {
      const into = new Float64Array(5).fill(9)
      createExplainer(ensembleOf(roots)).contributions(row, into)
      const difference = largestDifference(into, shapleyValues(roots, row))
      if (!(difference < 1e-10)) throw new Error(`off by ${difference}`)
    }),
    { numRuns: 600 },
  )
  t.pass('for random trees')
  t.end()
})

t.test('a tree by hand', t => {
  // 30 of 100 rows have the first column above 1; 10 of them the second one above 1.
  const root: Node = {
    column: 0,
    threshold: 1,
    low: { leaf: 0, cover: 70 },
    high: { column: 1, threshold: 1, low: { leaf: 1, cover: 20 }, high: { leaf: 4, cover: 10 } },
  }
  const { expected, contributions } = createExplainer(ensembleOf([root], -3))
  const into = new Float64Array(3)
  t.equal(expected.toFixed(9), '-2.400000000', 'gives on average what its leaves give by their rows')
  contributions(Float32Array.of(2, 2, 5), into)
  // Alone the first column moves 0.6 to 2, the second one 0.6 to 1.2; after the other one 1.2 to 4, and 2 to 4.
  t.strictSame(
    Array.from(into, each => each.toFixed(9)),
    ['2.100000000', '1.300000000', '0.000000000'],
  )
  contributions(Float32Array.of(1, 2, 5), into)
  t.strictSame(
    Array.from(into, each => each.toFixed(9)),
    ['-0.900000000', '0.300000000', '0.000000000'],
    'the threshold itself goes left',
  )
  t.end()
})

t.test('a tree that is one leaf adds its value to what is expected, and to no column', t => {
  const { expected, contributions } = createExplainer(ensembleOf([{ leaf: 0.5, cover: 10 }], 1))
  const into = Float64Array.of(7, 7)
  contributions(Float32Array.of(1, 1), into)
  t.equal(expected, 1.5)
  t.strictSame([...into], [0, 0])
  t.end()
})

/** A deep tree of this many leaves: grown at the leaf that a random number chooses, as boosting does. */
function grown(leaves: number, columns: number, random: () => number): Node {
  interface Growing {
    column: number
    threshold: number
    value: number
    children: readonly [Growing, Growing] | null
  }
  const fresh = (): Growing => ({ column: 0, threshold: 0, value: random() - 0.5, children: null })
  const root = fresh()
  const open = [root]
  while (open.length < leaves) {
    const [chosen = root] = open.splice(Math.floor(random() * open.length), 1)
    chosen.column = Math.floor(random() * columns)
    chosen.threshold = Math.floor(random() * 4)
    chosen.children = [fresh(), fresh()]
    open.push(...chosen.children)
  }
  const finished = (node: Growing): Node =>
    node.children === null
      ? { leaf: node.value, cover: 1 + Math.floor(random() * 500) }
      : {
          column: node.column,
          threshold: node.threshold,
          low: finished(node.children[0]),
          high: finished(node.children[1]),
        }
  return finished(root)
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

t.test('what is expected and all contributions add up to the sum of a model of real size', t => {
  const columns = 300
  const differences: number[] = []
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomFrom(seed)
    const roots = Array.from({ length: 80 }, () => grown(24, columns, random))
    const { expected, contributions } = createExplainer(ensembleOf(roots, -2.5))
    const into = new Float64Array(columns)
    for (let row = 0; row < 20; row++) {
      const values = Float32Array.from({ length: columns }, () => Math.floor(random() * 6))
      contributions(values, into)
      const sum = roots.reduce((all, root) => all + conditional(root, values, () => true), -2.5)
      differences.push(Math.abs(into.reduce((all, each) => all + each, expected) - sum))
    }
  }
  t.equal(differences.length, 400)
  t.ok(Math.max(...differences) < 1e-9, `off by ${Math.max(...differences)}`)
  t.end()
})

t.test('what one row got does not depend on the rows before it', t => {
  const random = randomFrom(7)
  // Splits enough for more ways than are kept, and trees with too many of them to keep any.
  const roots = [grown(24, 12, random), grown(60, 12, random)]
  const rows = Array.from({ length: 175 }, () => {
    const row = Float32Array.from({ length: 12 }, () => Math.floor(random() * 5))
    const changed = Math.floor(random() * 12)
    // And one that differs in as little as one answer.
    return [row, row.map((value, column) => (column === changed ? value + 1 : value))]
  }).flat()
  const { contributions } = createExplainer(ensembleOf(roots))
  const into = new Float64Array(12)
  const results = [...rows, ...rows.toReversed()].map(row => {
    contributions(row, into)
    return [...into]
  })
  t.strictSame(results.slice(350), results.slice(0, 350).toReversed())
  const fresh = rows.map(row => {
    createExplainer(ensembleOf(roots)).contributions(row, into)
    return [...into]
  })
  t.strictSame(results.slice(0, 350), fresh)
  t.ok(new Set(fresh.map(each => each.join())).size > 256, 'more results than are kept')
  t.end()
})

t.test('a path of 23 columns is as exact as a short one', t => {
  const chain = (column: number): Node =>
    column === 23
      ? { leaf: 8, cover: 3 }
      : { column, threshold: 0, low: { leaf: column / 8, cover: 40 }, high: chain(column + 1) }
  const root = chain(0)
  const { expected, contributions } = createExplainer(ensembleOf([root]))
  const into = new Float64Array(23)
  for (const passed of [0, 5, 22, 23]) {
    const values = Float32Array.from({ length: 23 }, (_, column) => (column < passed ? 1 : 0))
    contributions(values, into)
    const sum = into.reduce((all, each) => all + each, expected)
    t.ok(Math.abs(sum - conditional(root, values, () => true)) < 1e-12, `${passed} columns above: off by ${sum}`)
  }
  t.end()
})
