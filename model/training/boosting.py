"""Gradient-boosted trees with monotone constraints, as an ensemble of our own."""

from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from trees import Ensemble, build_tree, on_leaf_grid


@dataclass(frozen=True)
class Stage:
    """Some rounds of boosting over some of the columns; a stage goes on where the one before ended."""

    rounds: int
    leaves: int
    rate: float
    min_rows: int
    l2: float
    columns: float = 0.5
    rows: float = 0.8
    only: tuple[str, ...] = ()
    """Parts of names: the stage sees only columns that have one of them."""


def fit(
    values: NDArray[np.float32],
    target: NDArray[np.int8],
    weight: NDArray[np.float64],
    names: list[str],
    directions: list[int],
    stages: tuple[Stage, ...],
    seed: int,
) -> Ensemble:
    """Fits the stages one after the other."""
    share = float((weight * target).sum() / weight.sum())
    ensemble = Ensemble(on_leaf_grid(float(np.log(share / (1 - share)))), [])
    for stage in stages:
        kept = [
            index for index, name in enumerate(names) if not stage.only or any(part in name for part in stage.only)
        ]
        data = lightgbm.Dataset(
            values[:, kept], target, weight=weight, init_score=ensemble.predict(values), free_raw_data=True
        )
        booster = lightgbm.train(settings(stage, [directions[each] for each in kept], seed), data, stage.rounds)
        for tree in booster.dump_model()["tree_info"]:
            ensemble.trees.append(build_tree(nested(tree["tree_structure"], kept)))
    ensemble.trees = [tree for tree in ensemble.trees if tree.leaves() > 1]
    ensemble.count(values)
    return ensemble


def settings(stage: Stage, directions: list[int], seed: int) -> dict[str, object]:
    """What LightGBM is told; one thread and a fixed order give the same trees each time."""
    return {
        "objective": "binary",
        "boost_from_average": False,
        "num_leaves": stage.leaves,
        "learning_rate": stage.rate,
        "min_data_in_leaf": stage.min_rows,
        "lambda_l2": stage.l2,
        "feature_fraction": stage.columns,
        "bagging_fraction": stage.rows,
        "bagging_freq": 1,
        "monotone_constraints": directions,
        "monotone_constraints_method": "basic",
        "use_missing": False,
        "max_bin": 63,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
    }


def nested(node: dict[str, object], columns: list[int]) -> dict[str, object]:
    """A node of LightGBM's dump as `build_tree` reads it."""
    if "leaf_value" in node:
        return {"value": node["leaf_value"]}
    return {
        "feature": columns[int(node["split_feature"])],  # type: ignore[call-overload]
        "threshold": node["threshold"],
        "left": nested(node["left_child"], columns),  # type: ignore[arg-type]
        "right": nested(node["right_child"], columns),  # type: ignore[arg-type]
    }
