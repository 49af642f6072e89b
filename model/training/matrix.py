"""Matrices as `lockkeeper features` writes them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GRID = 1 / 64
RARITY_PREFIX = "rarity."


@dataclass(frozen=True)
class Matrix:
    """Features of objects or of changes, a row each."""

    values: NDArray[np.float32]
    names: list[str]
    groups: list[str]
    directions: list[int]
    ids: list[str]
    kinds: list[str]
    feature_version: int

    def rarity_columns(self) -> list[int]:
        """The columns that need a snapshot of what is usual."""
        return [index for index, name in enumerate(self.names) if name.startswith(RARITY_PREFIX)]


def read_matrix(directory: Path, name: str) -> Matrix:
    """Reads a matrix, and refuses one that is not whole or not on the grid."""
    header = json.loads((directory / f"{name}.json").read_text())
    data = (directory / f"{name}.f32").read_bytes()
    if hashlib.sha256(data).hexdigest() != header["sha256"]:
        raise ValueError(f"{directory}/{name}.f32 is not what its header says")
    values = np.frombuffer(data, dtype="<f4").reshape(header["shape"])
    if not np.array_equal(values, np.round(values / GRID) * GRID):
        raise ValueError(f"{directory}/{name}.f32 has values off the grid of {GRID}")
    rows = [json.loads(line) for line in (directory / f"{name}.rows.jsonl").read_text().splitlines()]
    columns = header["columns"]
    return Matrix(
        values=values,
        names=[column["name"] for column in columns],
        groups=[column["group"] for column in columns],
        directions=[column["direction"] for column in columns],
        ids=[row["id"] for row in rows],
        kinds=[row["kind"] or "" for row in rows],
        feature_version=header["featureVersion"],
    )
