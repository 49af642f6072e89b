"""The two models: how each is fitted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boosting import Slope, Stage, fit
from dataset import Dataset
from matrix import read_matrix
from synthesis import read_sources
from trees import Ensemble

SEED = 2025


@dataclass(frozen=True)
class Recipe:
    """How one of the models is made."""

    name: str
    kind: str
    slope: Slope | None
    stage: Stage
    fixture_weight: float
    """What a failing fixture of a policy tool weighs beside an attack."""
    passing_weight: float
    """What a passing one weighs: it passes one check, and may well fail others."""
    example_weight: float
    """What a dangerous example out of our own table weighs."""


OBJECTS = Recipe(
    name="objects",
    kind="object",
    slope=Slope("prior.sum", end=16.0, trees=4),
    stage=Stage(rounds=76, leaves=24, rate=0.08, min_rows=10, l2=3.0, columns=0.3),
    fixture_weight=1.0,
    passing_weight=0.1,
    example_weight=0.2,
)
CHANGES = Recipe(
    name="changes",
    kind="change",
    slope=Slope("added.sum", end=12.0, trees=1, rise=0.002),
    stage=Stage(rounds=79, leaves=24, rate=0.1, min_rows=10, l2=1.0, columns=0.5),
    fixture_weight=1.0,
    passing_weight=1.0,
    example_weight=0.003,
)


@dataclass(frozen=True)
class Examples:
    """Dangerous objects or changes of our own, with the sources of what they were made of."""

    values: NDArray[np.float32]
    source: NDArray[np.str_]

    @staticmethod
    def read(directory: Path, recipe: Recipe) -> "Examples":
        """Reads the matrix and the records beside it."""
        matrix = read_matrix(directory, recipe.name)
        return Examples(matrix.values, read_sources(directory, recipe.name))

    def with_columns(self, columns: NDArray[np.int64]) -> "Examples":
        """Some of the columns."""
        return Examples(self.values[:, columns], self.source)


def fit_model(data: Dataset, recipe: Recipe, examples: Examples | None, seed: int = SEED) -> Ensemble:
    """
    Fits the model. Rows that need a snapshot of what is usual count twice, with it and without; of the examples only
    those count that were made of sources in the data, or of none.
    """
    is_fixture = ~data.labels.is_benign & ~data.labels.is_attack
    fixture_weight = np.where(data.labels.target == 1, recipe.fixture_weight, recipe.passing_weight)
    parts = [(data.values, data.labels.target, np.where(is_fixture, fixture_weight, 1.0))]
    rarity = data.matrix.rarity_columns()
    if rarity:
        without = data.values.copy()
        without[:, rarity] = 0
        parts.append((without, parts[0][1], parts[0][2]))
    if examples is not None and recipe.example_weight > 0:
        usable = np.isin(examples.source, [*np.unique(data.labels.source), ""])
        count = int(usable.sum())
        parts.append((examples.values[usable], np.ones(count, np.int8), np.full(count, recipe.example_weight)))
    values, target, weight = (np.concatenate(each) for each in zip(*parts))
    names, directions = data.matrix.names, data.matrix.directions
    return fit(values, target, weight, names, directions, recipe.slope, recipe.stage, seed)
