"""The two models: how each is fitted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boosting import Stage, fit
from dataset import Dataset
from trees import Ensemble

SEED = 20_25


@dataclass(frozen=True)
class Recipe:
    """How one of the models is made."""

    name: str
    kind: str
    stages: tuple[Stage, ...]
    fixture_weight: float
    """What a fixture of a policy tool weighs beside an attack."""


OBJECTS = Recipe(
    name="objects",
    kind="object",
    stages=(Stage(rounds=78, leaves=24, rate=0.1, min_rows=10, l2=1.0),),
    fixture_weight=1.0,
)
CHANGES = Recipe(
    name="changes",
    kind="change",
    stages=(Stage(rounds=78, leaves=24, rate=0.1, min_rows=10, l2=1.0),),
    fixture_weight=1.0,
)


def weights(data: Dataset, recipe: Recipe) -> NDArray[np.float64]:
    """What each row weighs in the fit."""
    is_fixture = ~data.labels.is_benign & ~data.labels.is_attack
    return np.where(is_fixture, recipe.fixture_weight, 1.0)


def fit_model(data: Dataset, recipe: Recipe, seed: int = SEED) -> Ensemble:
    """Fits the model; rows that need a snapshot of what is usual count twice, with it and without."""
    values, target, weight = data.values, data.labels.target, weights(data, recipe)
    rarity = data.matrix.rarity_columns()
    if rarity:
        without = values.copy()
        without[:, rarity] = 0
        values, target, weight = np.concatenate([values, without]), np.tile(target, 2), np.tile(weight, 2)
    return fit(values, target, weight, data.matrix.names, data.matrix.directions, recipe.stages, seed)
