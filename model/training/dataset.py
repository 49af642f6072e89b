"""Rows to train on, with their labels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus import Labels, read_labels
from matrix import Matrix, read_matrix


@dataclass(frozen=True)
class Dataset:
    """A matrix beside the labels of its rows."""

    matrix: Matrix
    labels: Labels

    @property
    def values(self) -> NDArray[np.float32]:
        """The features."""
        return self.matrix.values

    def take(self, rows: NDArray[np.bool_]) -> "Dataset":
        """Some of the rows."""
        kept = np.flatnonzero(rows)
        matrix = replace(
            self.matrix,
            values=self.matrix.values[kept],
            ids=[self.matrix.ids[each] for each in kept],
            kinds=[self.matrix.kinds[each] for each in kept],
        )
        return Dataset(matrix, self.labels.take(kept))

    def with_values(self, values: NDArray[np.float32]) -> "Dataset":
        """The same rows with other values."""
        return Dataset(replace(self.matrix, values=values), self.labels)

    def with_columns(self, columns: NDArray[np.int64]) -> "Dataset":
        """Some of the columns."""
        matrix = replace(
            self.matrix,
            values=self.matrix.values[:, columns],
            names=[self.matrix.names[each] for each in columns],
            groups=[self.matrix.groups[each] for each in columns],
            directions=[self.matrix.directions[each] for each in columns],
        )
        return Dataset(matrix, self.labels)


def read_dataset(matrices: Path, name: str, corpus: Path) -> Dataset:
    """Reads the matrix of that name and the labels of its rows out of the corpus; what has no label stays out."""
    matrix = read_matrix(matrices, name)
    data = Dataset(matrix, read_labels(corpus, matrix.ids))
    return data.take(data.labels.target >= 0)


def join(first: Dataset, second: Dataset) -> Dataset:
    """The rows of both."""
    if first.matrix.names != second.matrix.names:
        raise ValueError("the matrices have other columns")
    matrix = replace(
        first.matrix,
        values=np.concatenate([first.values, second.values]),
        ids=first.matrix.ids + second.matrix.ids,
        kinds=first.matrix.kinds + second.matrix.kinds,
    )
    labels = Labels(
        **{
            name: np.concatenate([getattr(first.labels, name), getattr(second.labels, name)])
            for name in Labels.__dataclass_fields__
        }
    )
    return Dataset(matrix, labels)
