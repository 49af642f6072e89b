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

export interface Ensemble {
  readonly trees: readonly Tree[]
  readonly base: number
}
