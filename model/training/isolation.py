"""The isolation forest: how soon random cuts set an object apart from benign ones."""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from trees import LEAF_GRID, Ensemble, build_tree

TREES = 64
SAMPLE = 256


def mean_path(count: float) -> float:
    """The mean length of a path to one of `count` rows in a random binary tree."""
    if count <= 1:
        return 0.0
    if count == 2:
        return 1.0
    return 2.0 * (float(np.log(count - 1.0)) + 0.5772156649015329) - 2.0 * (count - 1.0) / count


def fit_isolation(values: NDArray[np.float32], seed: int) -> Ensemble:
    """A forest whose sum is the mean depth of a row, with what its leaf would still have been split."""
    forest = IsolationForest(n_estimators=TREES, max_samples=SAMPLE, random_state=seed, n_jobs=1).fit(values)
    trees = []
    for estimator, columns in zip(forest.estimators_, forest.estimators_features_):
        tree = estimator.tree_

        def nested(node: int, depth: int) -> dict[str, object]:
            if tree.children_left[node] == -1:
                length = depth + mean_path(float(tree.n_node_samples[node]))
                return {"value": round(length / TREES / LEAF_GRID) * LEAF_GRID}
            return {
                "feature": int(columns[tree.feature[node]]),
                "threshold": float(tree.threshold[node]),
                "left": nested(int(tree.children_left[node]), depth + 1),
                "right": nested(int(tree.children_right[node]), depth + 1),
            }

        trees.append(build_tree(nested(0, 0)))
    ensemble = Ensemble(0.0, trees)
    ensemble.count(values)
    return ensemble


def anomaly(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1; above one half is sooner than by chance."""
    return 2.0 ** (-depth / mean_path(SAMPLE))
