/** A tree as tests write it: a leaf's weight, or a split with its branches. */
export type TestTree =
  | { readonly weight: number; readonly cover: number }
  | { readonly column: number; readonly below: number; readonly left: TestTree; readonly right: TestTree }

/** What an ensemble's file says; each part can be made wrong. */
export interface TestEnsemble {
  readonly trees: readonly TestTree[]
  readonly columns: number
  readonly base?: number
  readonly metadata?: unknown
  /** Instead of what follows from the trees, by the attribute's name; null: left out. */
  readonly attributes?: Readonly<Record<string, readonly number[] | readonly string[] | string | number | null>>
  readonly opsets?: readonly (readonly [string, number])[]
  readonly opType?: string
  readonly width?: number
  /** More nodes of the graph. */
  readonly more?: number
}

/** The lists of an ensemble's attributes, as ONNX has them. */
interface Lists {
  readonly tree: number[]
  readonly id: number[]
  readonly feature: number[]
  readonly mode: string[]
  readonly value: number[]
  readonly left: number[]
  readonly right: number[]
  readonly cover: number[]
  readonly leafTree: number[]
  readonly leafNode: number[]
  readonly weight: number[]
}

/** A model that is one TreeEnsembleRegressor, written byte by byte (protobuf). */
export function ensembleModel({ trees, columns, base = 0, metadata, ...change }: TestEnsemble): Uint8Array {
  const lists: Lists = {
    ...{ tree: [], id: [], feature: [], mode: [], value: [], left: [], right: [], cover: [] },
    ...{ leafTree: [], leafNode: [], weight: [] },
  }
  for (const [index, tree] of trees.entries()) addNodes(lists, index, tree)
  const attributes: Record<string, readonly number[] | readonly string[] | string | number | null> = {
    aggregate_function: 'SUM',
    base_values: [base],
    n_targets: 1,
    nodes_falsenodeids: lists.right,
    nodes_featureids: lists.feature,
    nodes_hitrates: lists.cover,
    nodes_modes: lists.mode,
    nodes_nodeids: lists.id,
    nodes_treeids: lists.tree,
    nodes_truenodeids: lists.left,
    nodes_values: lists.value,
    post_transform: 'NONE',
    target_ids: lists.weight.map(() => 0),
    target_nodeids: lists.leafNode,
    target_treeids: lists.leafTree,
    target_weights: lists.weight,
    ...change.attributes,
  }
  const node = [
    ...text(1, 'features'),
    ...text(2, 'logit'),
    ...text(4, change.opType ?? 'TreeEnsembleRegressor'),
    ...Object.entries(attributes).flatMap(([name, value]) => (value === null ? [] : part(5, attribute(name, value)))),
    ...text(7, 'ai.onnx.ml'),
  ]
  const more = Array.from({ length: change.more ?? 0 }, () => part(1, text(4, 'Identity'))).flat()
  const graph = [
    ...part(1, node),
    ...more,
    ...text(2, 'g'),
    ...part(11, tensor('features', change.width ?? columns)),
    ...part(12, tensor('logit', 1)),
  ]
  const opsets = change.opsets ?? [['', 17], ['ai.onnx.ml', 3]] // prettier-ignore
  return Uint8Array.from([
    ...int(1, 9),
    ...part(7, graph),
    ...opsets.flatMap(([domain, version]) => part(8, [...text(1, domain), ...int(2, version)])),
    ...(metadata === undefined ? [] : part(14, [...text(1, 'lockkeeper'), ...text(2, JSON.stringify(metadata))])),
  ])
}

/** @returns the rows that came through */
function addNodes(lists: Lists, tree: number, node: TestTree): number {
  const at = lists.id.filter((_, index) => lists.tree[index] === tree).length
  const index = lists.id.length
  lists.tree.push(tree)
  lists.id.push(at)
  lists.mode.push('column' in node ? 'BRANCH_LEQ' : 'LEAF')
  lists.feature.push('column' in node ? node.column : 0)
  lists.value.push('column' in node ? node.below : 0)
  for (const list of [lists.left, lists.right, lists.cover]) list.push(0)
  if (!('column' in node)) {
    lists.leafTree.push(tree)
    lists.leafNode.push(at)
    lists.weight.push(node.weight)
    lists.cover[index] = node.cover
    return node.cover
  }
  const next = (): number => lists.id.filter((_, each) => lists.tree[each] === tree).length
  lists.left[index] = next()
  const left = addNodes(lists, tree, node.left)
  lists.right[index] = next()
  const right = addNodes(lists, tree, node.right)
  lists.cover[index] = left + right
  return left + right
}

/** The field that says which of an attribute's fields is meant. */
const TYPE = 20

function attribute(name: string, value: readonly number[] | readonly string[] | string | number): number[] {
  const head = text(1, name)
  if (typeof value === 'number') return [...head, ...int(3, value), ...int(TYPE, 2)]
  if (typeof value === 'string') return [...head, ...text(4, value), ...int(TYPE, 3)]
  const isFloat = ['base_values', 'nodes_values', 'nodes_hitrates', 'target_weights'].includes(name)
  return [
    ...head,
    ...value.flatMap(each => (typeof each === 'string' ? text(9, each) : isFloat ? float(7, each) : int(8, each))),
    ...int(TYPE, typeof value[0] === 'string' ? 8 : isFloat ? 6 : 7),
  ]
}

function tensor(name: string, width: number): number[] {
  const shape = [...part(1, text(2, 'N')), ...part(1, int(1, width))]
  return [...text(1, name), ...part(2, part(1, [...int(1, 1), ...part(2, shape)]))]
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}

function int(field: number, value: number): number[] {
  return [...varint(field * 8), ...varint(value)]
}

function float(field: number, value: number): number[] {
  return [...varint(field * 8 + 5), ...new Uint8Array(Float32Array.of(value).buffer)]
}

function part(field: number, content: readonly number[]): number[] {
  return [...varint(field * 8 + 2), ...varint(content.length), ...content]
}

function text(field: number, value: string): number[] {
  return part(field, [...new TextEncoder().encode(value)])
}
