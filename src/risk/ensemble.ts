import type { OnnxAttribute, OnnxModel, OnnxTensor } from './onnx.js'

/** One decision tree as arrays; node 0 is the root. */
export interface Tree {
  /** The column a node splits by; -1 in a leaf. */
  readonly feature: Int32Array
  /** Rows with a value <= threshold go left, others right. */
  readonly threshold: Float32Array
  readonly left: Int32Array
  readonly right: Int32Array
  /** What a leaf adds, in log-odds; 0 elsewhere. */
  readonly value: Float64Array
  /** How many training rows came through the node. */
  readonly cover: Float64Array
}

/** A sum of trees over a base. */
export interface Ensemble {
  readonly trees: readonly Tree[]
  readonly base: number
}

/** More than any model of ours has; a file of a stranger is not walked for hours. */
const MAX_TREES = 2000
const MAX_NODES = 200_000

/**
 * The arrays of a model that is one TreeEnsembleRegressor and nothing else.
 *
 * @param columns how many values a row has
 * @throws Error saying what the model is instead
 */
export function readEnsemble(model: OnnxModel, columns: number): Ensemble {
  const [node, ...others] = model.nodes
  if (node?.opType !== 'TreeEnsembleRegressor' || node.domain !== 'ai.onnx.ml' || others.length > 0)
    throw new Error('must be one TreeEnsembleRegressor of ai.onnx.ml and nothing else')
  checkOpsets(model)
  checkTensor('input', model.inputs, node.inputs, columns)
  checkTensor('output', model.outputs, node.outputs, 1)
  const { attributes } = node
  const attribute = (name: string): OnnxAttribute => {
    const found = attributes.get(name)
    if (found === undefined) throw new Error(`has no ${name}`)
    return found
  }
  const same = (name: string, wanted: string, fallback: string): void => {
    const text = attributes.get(name)?.text ?? fallback
    if (text !== wanted) throw new Error(`${name} must be ${wanted}, is ${text}`)
  }
  same('aggregate_function', 'SUM', 'SUM')
  same('post_transform', 'NONE', 'NONE')
  if (attribute('n_targets').int !== 1) throw new Error('must have one target')
  const nodes = {
    tree: attribute('nodes_treeids').ints,
    id: attribute('nodes_nodeids').ints,
    feature: attribute('nodes_featureids').ints,
    mode: attribute('nodes_modes').texts,
    threshold: attribute('nodes_values').floats,
    left: attribute('nodes_truenodeids').ints,
    right: attribute('nodes_falsenodeids').ints,
    cover: attribute('nodes_hitrates').floats,
  }
  const count = nodes.tree.length
  if (count > MAX_NODES) throw new Error(`has more than ${MAX_NODES} nodes`)
  for (const [name, list] of Object.entries(nodes))
    if (list.length !== count) throw new Error(`has ${count} nodes and ${list.length} of their ${name}`)
  const sizes: number[] = []
  for (const [index, tree] of nodes.tree.entries()) {
    if (tree > sizes.length || tree >= MAX_TREES) throw new Error(`tree ${tree} comes out of order`)
    const size = sizes[tree] ?? 0
    if (nodes.id[index] !== size) throw new Error(`node ${nodes.id[index] ?? ''} of tree ${tree} comes out of order`)
    sizes[tree] = size + 1
  }
  const trees = sizes.map(emptyTree)
  for (const [index, treeId] of nodes.tree.entries()) {
    const tree = trees[treeId]
    const at = nodes.id[index]
    if (tree === undefined || at === undefined) continue
    const isLeaf = nodes.mode[index] === 'LEAF'
    if (!isLeaf && nodes.mode[index] !== 'BRANCH_LEQ') throw new Error(`has a node of mode ${nodes.mode[index] ?? ''}`)
    tree.feature[at] = isLeaf ? -1 : (nodes.feature[index] ?? -1)
    tree.threshold[at] = nodes.threshold[index] ?? Number.NaN
    tree.left[at] = nodes.left[index] ?? -1
    tree.right[at] = nodes.right[index] ?? -1
    tree.cover[at] = nodes.cover[index] ?? Number.NaN
  }
  setLeaves(trees, attribute)
  for (const [index, tree] of trees.entries()) checkTree(tree, columns, index)
  const base = attributes.get('base_values')?.floats ?? []
  if (base.length > 1 || !base.every(Number.isFinite)) throw new Error('must have one base value')
  const ensemble = { trees, base: base[0] ?? 0 }
  checkSums(ensemble)
  return ensemble
}

/** Leaves and base are multiples of this, and their sums below `MAX_SUM`: then 32-bit sums are exact in any order. */
const LEAF_GRID = 2 ** -16
const MAX_SUM = 2 ** 24 * LEAF_GRID

/** Whatever runs the model gives the same, to the last bit. */
function checkSums({ trees, base }: Ensemble): void {
  let most = Math.abs(base)
  for (const { value } of trees) most += value.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0)
  const isOnGrid = (value: number): boolean => Number.isInteger(value / LEAF_GRID)
  if (!isOnGrid(base) || !trees.every(({ value }) => value.every(isOnGrid)))
    throw new Error(`its leaves and base must be multiples of ${LEAF_GRID}: other sums depend on their order`)
  if (most >= MAX_SUM) throw new Error(`its sum may reach ${most}: from ${MAX_SUM} on it is not exact`)
}

/** What the trees give for a row. */
export function evaluate({ trees, base }: Ensemble, row: Float32Array): number {
  let sum = base
  for (const { feature, threshold, left, right, value } of trees) {
    let at = 0
    for (let column = feature[0] ?? -1; column >= 0; column = feature[at] ?? -1) {
      at = ((row[column] ?? 0) <= (threshold[at] ?? 0) ? left[at] : right[at]) ?? 0
    }
    sum += value[at] ?? 0
  }
  return sum
}

const FLOAT = 1
/** What the runtime in use is known to run; a later one may mean something else by the same names. */
const OPSETS: ReadonlyMap<string, number> = new Map([
  ['', 21],
  ['ai.onnx.ml', 3],
])

function checkOpsets({ opsets }: OnnxModel): void {
  for (const [domain, version] of opsets) {
    const known = OPSETS.get(domain === 'ai.onnx' ? '' : domain)
    if (known === undefined || version < 1 || version > known)
      throw new Error(`needs opset ${version} of ${domain === '' ? 'ai.onnx' : domain}`)
  }
  if (!opsets.has('ai.onnx.ml')) throw new Error('names no opset of ai.onnx.ml')
}

function checkTensor(
  what: string,
  tensors: readonly OnnxTensor[],
  names: readonly string[],
  width: number,
): asserts tensors is readonly [OnnxTensor] {
  const [tensor, ...others] = tensors
  if (tensor === undefined || others.length > 0 || names.length !== 1 || names[0] !== tensor.name)
    throw new Error(`must have one ${what}`)
  const { elementType, shape } = tensor
  if (elementType !== FLOAT || shape.length !== 2 || shape[1] !== width)
    throw new Error(`its ${what} must be 32-bit floats of shape [N, ${width}]`)
}

function emptyTree(size: number): Tree {
  return {
    feature: new Int32Array(size).fill(-1),
    threshold: new Float32Array(size),
    left: new Int32Array(size).fill(-1),
    right: new Int32Array(size).fill(-1),
    value: new Float64Array(size),
    cover: new Float64Array(size),
  }
}

function setLeaves(trees: readonly Tree[], attribute: (name: string) => OnnxAttribute): void {
  const [treeIds, nodeIds] = [attribute('target_treeids').ints, attribute('target_nodeids').ints]
  const [targets, weights] = [attribute('target_ids').ints, attribute('target_weights').floats]
  const leaves = trees.reduce((sum, { feature }) => sum + feature.filter(each => each < 0).length, 0)
  if ([treeIds, nodeIds, targets, weights].some(list => list.length !== leaves))
    throw new Error(`has ${leaves} leaves and ${weights.length} weights`)
  const seen = new Set<string>()
  for (const [index, weight] of weights.entries()) {
    const [treeId, nodeId] = [treeIds[index] ?? -1, nodeIds[index] ?? -1]
    const tree = trees[treeId]
    if (tree?.feature[nodeId] !== -1 || targets[index] !== 0 || seen.has(`${treeId} ${nodeId}`))
      throw new Error(`has a weight that is not of a leaf: node ${nodeId} of tree ${treeId}`)
    if (!Number.isFinite(weight)) throw new Error('has a weight that is not a number')
    seen.add(`${treeId} ${nodeId}`)
    tree.value[nodeId] = weight
  }
}

/** Every node is reached once from the root, splits by a column there is, and has as many rows as its children together. */
function checkTree(tree: Tree, columns: number, index: number): void {
  const fail = (what: string): never => {
    throw new Error(`tree ${index} ${what}`)
  }
  const size = tree.feature.length
  const open = [0]
  const seen = new Uint8Array(size)
  let reached = 0
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen[at] === 1) fail('leads to a node twice')
    seen[at] = 1
    reached += 1
    const [feature, left, right] = [tree.feature[at] ?? -1, tree.left[at] ?? -1, tree.right[at] ?? -1]
    const cover = tree.cover[at] ?? Number.NaN
    if (!(cover > 0)) fail('has a node without rows')
    if (feature < 0) continue
    if (feature >= columns) fail(`splits by column ${feature} of ${columns}`)
    if (!Number.isFinite(tree.threshold[at])) fail('has a threshold that is not a number')
    if (left <= 0 || right <= 0 || left >= size || right >= size) fail('leads nowhere')
    const rows = (tree.cover[left] ?? 0) + (tree.cover[right] ?? 0)
    if (Math.abs(rows - cover) > 0.5 + cover * 1e-4) fail('has a node with other rows than its children')
    open.push(left, right)
  }
  if (reached !== size) fail('has nodes that nothing leads to')
}
