import type { Tree } from './ensemble.js'

/** A column on the way to a leaf: the leaf is reached by rows whose value is above `lower` and not above `upper`. */
interface Step {
  readonly column: number
  readonly lower: number
  readonly upper: number
  /** The part of the training rows that went this way where the column was asked. */
  readonly passed: number
}

/** A leaf, and what leads to it. */
export interface Leaf {
  readonly value: number
  /** One for each column of the path, even if it was asked more than once. */
  readonly steps: readonly Step[]
}

const EVERYTHING = { lower: -Infinity, upper: Infinity, passed: 1 } as const

/** The leaves of a tree in which every node but the root is the child of exactly one other. */
export function leavesOf(tree: Tree): readonly Leaf[] {
  const leaves: Leaf[] = []
  const open: { readonly node: number; readonly steps: readonly Step[] }[] = [{ node: 0, steps: [] }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, steps } = next
    const column = tree.feature[node] ?? -1
    if (column < 0) {
      leaves.push({ value: tree.value[node] ?? 0, steps })
      continue
    }
    const threshold = tree.threshold[node] ?? 0
    const cover = tree.cover[node] ?? 0
    const before = steps.find(step => step.column === column) ?? EVERYTHING
    const others = steps.filter(step => step.column !== column)
    const follow = (child: number, bounds: { readonly lower: number; readonly upper: number }): void => {
      // Below a node without training rows there is nothing to weigh: what is not known goes nowhere.
      const part = cover > 0 ? (tree.cover[child] ?? 0) / cover : 0
      open.push({ node: child, steps: [...others, { column, ...bounds, passed: before.passed * part }] })
    }
    follow(tree.right[node] ?? 0, { lower: Math.max(before.lower, threshold), upper: before.upper })
    follow(tree.left[node] ?? 0, { lower: before.lower, upper: Math.min(before.upper, threshold) })
  }
  return leaves
}
