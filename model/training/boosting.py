"""Gradient-boosted trees with monotone constraints, as an ensemble of our own."""

from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from matrix import GRID
from trees import Ensemble, build_tree, on_leaf_grid


@dataclass(frozen=True)
class Slope:
    """A first stage: a straight line over one column, as stairs."""

    column: str
    end: float
    trees: int
    leaves: int = 24
    rise: float | None = None
    """How much one unit gives; fitted where it is not said. A tiny rise only orders what would be equal."""


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


def fit(
    values: NDArray[np.float32],
    target: NDArray[np.int8],
    weight: NDArray[np.float64],
    names: list[str],
    directions: list[int],
    slope: Slope | None,
    stage: Stage,
    seed: int,
) -> Ensemble:
    """Fits the line, and trees upon it. The covers are those of these rows."""
    share = float((weight * target).sum() / weight.sum())
    ensemble = Ensemble(on_leaf_grid(float(np.log(share / (1 - share)))), [])
    if slope is not None:
        ensemble = fit_slope(values[:, names.index(slope.column)], target, weight, slope, names.index(slope.column))
    data = lightgbm.Dataset(values, target, weight=weight, init_score=ensemble.predict(values), free_raw_data=True)
    booster = lightgbm.train(settings(stage, directions, seed), data, stage.rounds)
    for tree in booster.dump_model()["tree_info"]:
        ensemble.trees.append(build_tree(nested(tree["tree_structure"])))
    ensemble.trees = [tree for tree in ensemble.trees if tree.leaves() > 1]
    ensemble.count(values)
    return ensemble


def fit_slope(
    values: NDArray[np.float32], target: NDArray[np.int8], weight: NDArray[np.float64], slope: Slope, column: int
) -> Ensemble:
    """Logistic regression on the column, up to where the line ends, as stairs over several trees."""
    height = np.clip(values.astype(np.float64), 0, slope.end)

    def loss(line: NDArray[np.float64]) -> float:
        z = line[0] + line[1] * height
        return float((weight * (np.logaddexp(0, z) - target * z)).sum())

    rises = (0.0, 4.0) if slope.rise is None else (slope.rise, slope.rise)
    base, rise = minimize(loss, np.array([-4.0, rises[1]]), method="L-BFGS-B", bounds=[(-12, 0), rises]).x
    steps = np.arange(1, slope.trees * (slope.leaves - 1) + 1) * slope.end / (slope.trees * (slope.leaves - 1))
    step = float(rise) * float(steps[0])
    # Every tree has every so-manieth step: all of them together have all.
    trees = [build_tree(stairs(list(steps[first :: slope.trees]), step, column)) for first in range(slope.trees)]
    return Ensemble(on_leaf_grid(float(base)), trees)


def stairs(steps: list[float], step: float, column: int) -> dict[str, object]:
    """A balanced tree that gives `step` for each of the steps that a value has come up to."""

    def part(low: int, high: int) -> dict[str, object]:
        if low == high:
            return {"value": low * step}
        middle = (low + high) // 2
        # Halfway below the grid point of the step: a value on it has come up.
        threshold = steps[middle] - GRID
        return {
            "feature": column,
            "threshold": threshold,
            "left": part(low, middle),
            "right": part(middle + 1, high),
        }

    return part(0, len(steps))


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
        "monotone_constraints_method": "advanced",
        "use_missing": False,
        "max_bin": 63,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
    }


def nested(node: dict[str, object]) -> dict[str, object]:
    """A node of LightGBM's dump as `build_tree` reads it."""
    if "leaf_value" in node:
        return {"value": node["leaf_value"]}
    return {
        "feature": node["split_feature"],
        "threshold": node["threshold"],
        "left": nested(node["left_child"]),  # type: ignore[arg-type]
        "right": nested(node["right_child"]),  # type: ignore[arg-type]
    }
