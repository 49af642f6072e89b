import type { Ensemble, Tree } from './ensemble.js'
import { gaussLegendre, type QuadratureRule } from './gauss-legendre.js'
import { leavesOf, type Leaf } from './tree-leaves.js'

/** How much each column of one row moved a model's sum away from what it gives on average. */
export interface Explainer {
  /** The sum for the average row of the training data. */
  readonly expected: number
  /**
   * Writes the Shapley value of each column; `expected` plus all of them is the ensemble's sum for the row.
   *
   * @param values one row, a number for each column of the model
   * @param into as long as `values`; what it held is overwritten
   */
  readonly contributions: (values: Float32Array, into: Float64Array) => void
}

/**
 * Prepares exact, path-dependent TreeSHAP: a column that is not known goes both ways, in the proportion of the covers.
 *
 * A leaf is reached when all columns of its path are in their intervals, so its share is a product over these columns, and
 * the Shapley value of column i is `leaf · (o_i - z_i) · ∫ Π_{j≠i} (t·o_j + (1-t)·z_j) dt` over t from 0 to 1, where o says
 * whether the row is in the interval (1 or 0), and z which part of the training rows passed the column's splits. It is a
 * polynomial of a degree below the number of columns, which Gauss-Legendre quadrature integrates exactly; and as o has two
 * values, all factors are known beforehand.
 *
 * @see Lundberg et al., "Consistent Individualized Feature Attribution for Tree Ensembles", 2018, algorithm 1 (the definition)
 */
export function createExplainer(ensemble: Ensemble): Explainer {
  const trees = ensemble.trees.map(explainedTree)
  const expected = trees.reduce((sum, tree) => sum + tree.expected, ensemble.base)
  return {
    expected,
    contributions: (values, into) => {
      into.fill(0)
      for (const tree of trees) addTree(tree, values, into)
    },
  }
}

/** Objects are alike: a tree sends most rows the way that it sent others, and what it gave them is kept. */
const MAX_KEPT_WAYS = 256
/** What a way is a number of. */
const MAX_WAY_BITS = 31

/** One tree: its leaves one behind the other, in arrays that are only read. */
interface ExplainedTree {
  readonly expected: number
  /** The columns that the tree asks; everything below counts by the position in them. */
  readonly columns: Int32Array
  /** What the tree asks, each once; the answers for a row, as bits, are its way. */
  readonly splitColumn: Int32Array
  readonly splitThreshold: Float32Array
  readonly known: Map<number, Float64Array> | null
  /** The first step of a leaf; one more entry than there are leaves. */
  readonly firstStep: Int32Array
  readonly position: Int32Array
  readonly column: Int32Array
  readonly lower: Float32Array
  readonly upper: Float32Array
  /** The weights of the points at which a leaf's integral is taken. */
  readonly weights: readonly Float64Array[]
  /** By leaf, then step, then outside or inside of the interval, then point: what the step multiplies a product by. */
  readonly factors: Float64Array
  /** In the same order: what the product, times this, adds to the step's column. */
  readonly shares: Float64Array
  /** Room for the product of one leaf at each point, and for where the numbers of its steps begin. */
  readonly products: Float64Array
  readonly chosen: Int32Array
}

function explainedTree(tree: Tree): ExplainedTree {
  const all = leavesOf(tree)
  const leaves = all.filter(({ value, steps }) => value !== 0 && steps.length > 0)
  const steps = leaves.flatMap(leaf => leaf.steps)
  const columns = Int32Array.from(new Set(steps.map(({ column }) => column)))
  const splits = distinctSplits(tree)
  const rules = leaves.map(leaf => ruleOf(pointCount(leaf)))
  const { factors, shares } = numbersOf(leaves, rules)
  return {
    expected: all.reduce((sum, leaf) => sum + leaf.steps.reduce((share, { passed }) => share * passed, leaf.value), 0),
    columns,
    splitColumn: Int32Array.from(splits, ({ column }) => column),
    splitThreshold: Float32Array.from(splits, ({ threshold }) => threshold),
    known: splits.length <= MAX_WAY_BITS ? new Map() : null,
    firstStep: Int32Array.of(0, ...runningSums(leaves.map(leaf => leaf.steps.length))),
    position: Int32Array.from(steps, ({ column }) => columns.indexOf(column)),
    column: Int32Array.from(steps, ({ column }) => column),
    lower: Float32Array.from(steps, ({ lower }) => lower),
    upper: Float32Array.from(steps, ({ upper }) => upper),
    weights: rules.map(({ weights }) => weights),
    factors,
    shares,
    products: new Float64Array(Math.max(0, ...leaves.map(pointCount))),
    chosen: new Int32Array(Math.max(0, ...leaves.map(leaf => leaf.steps.length))),
  }
}

function distinctSplits(tree: Tree): readonly { readonly column: number; readonly threshold: number }[] {
  const splits = new Map<string, { column: number; threshold: number }>()
  tree.feature.forEach((column, node) => {
    const threshold = tree.threshold[node] ?? 0
    if (column >= 0) splits.set(`${column} ${threshold}`, { column, threshold })
  })
  return [...splits.values()]
}

/** n points integrate polynomials up to the degree 2n - 1; a leaf's has one less than it has steps. */
function pointCount(leaf: Leaf): number {
  return Math.ceil(leaf.steps.length / 2)
}

const RULES = new Map<number, QuadratureRule>()

function ruleOf(count: number): QuadratureRule {
  const known = RULES.get(count)
  if (known !== undefined) return known
  const rule = gaussLegendre(count)
  RULES.set(count, rule)
  return rule
}

function numbersOf(
  leaves: readonly Leaf[],
  rules: readonly QuadratureRule[],
): { readonly factors: Float64Array; readonly shares: Float64Array } {
  const count = leaves.reduce((sum, { steps }, index) => sum + 2 * steps.length * (rules[index]?.places.length ?? 0), 0)
  const [factors, shares] = [new Float64Array(count), new Float64Array(count)]
  let at = 0
  for (const [index, { value, steps }] of leaves.entries()) {
    const places = rules[index]?.places ?? new Float64Array()
    for (const { passed } of steps) {
      for (const inside of [0, 1]) {
        for (const place of places) {
          const factor = place * inside + (1 - place) * passed
          factors[at] = factor
          // Where no training row went, rows outside have no part in the leaf: its products are 0 then.
          shares[at] = factor > 0 ? (value * (inside - passed)) / factor : 0
          at += 1
        }
      }
    }
  }
  return { factors, shares }
}

function runningSums(numbers: readonly number[]): number[] {
  let sum = 0
  return numbers.map(number => (sum += number))
}

function addTree(tree: ExplainedTree, values: Float32Array, into: Float64Array): void {
  const { columns } = tree
  const amounts = amountsOf(tree, values)
  for (let position = 0; position < columns.length; position++) {
    const column = columns[position] as number
    into[column] = (into[column] as number) + (amounts[position] as number)
  }
}

function amountsOf(tree: ExplainedTree, values: Float32Array): Float64Array {
  if (tree.known === null) return computed(tree, values)
  const way = wayOf(tree, values)
  const known = tree.known.get(way)
  if (known !== undefined) return known
  const amounts = computed(tree, values)
  if (tree.known.size >= MAX_KEPT_WAYS) tree.known.clear()
  tree.known.set(way, amounts)
  return amounts
}

function wayOf({ splitColumn, splitThreshold }: ExplainedTree, values: Float32Array): number {
  let way = 0
  for (let split = 0; split < splitColumn.length; split++) {
    const value = values[splitColumn[split] as number] as number
    way = (way << 1) | (value <= (splitThreshold[split] as number) ? 1 : 0)
  }
  return way
}

/** What the tree gives to each of its columns. */
function computed(tree: ExplainedTree, values: Float32Array): Float64Array {
  const { firstStep, position, column, lower, upper, factors, shares, products, chosen } = tree
  const amounts = new Float64Array(tree.columns.length)
  let number = 0
  for (let leaf = 0; leaf < tree.weights.length; leaf++) {
    const weights = tree.weights[leaf] as Float64Array
    const first = firstStep[leaf] as number
    const count = (firstStep[leaf + 1] as number) - first
    products.set(weights)
    for (let step = 0; step < count; step++) {
      const value = values[column[first + step] as number] as number
      const isInside = value > (lower[first + step] as number) && value <= (upper[first + step] as number)
      const begin = isInside ? number + weights.length : number
      chosen[step] = begin
      for (let point = 0; point < weights.length; point++) {
        products[point] = (products[point] as number) * (factors[begin + point] as number)
      }
      number += 2 * weights.length
    }
    for (let step = 0; step < count; step++) {
      const begin = chosen[step] as number
      let sum = 0
      for (let point = 0; point < weights.length; point++) {
        sum += (products[point] as number) * (shares[begin + point] as number)
      }
      const at = position[first + step] as number
      amounts[at] = (amounts[at] as number) + sum
    }
  }
  return amounts
}
