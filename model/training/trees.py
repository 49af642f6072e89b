"""Tree ensembles as plain arrays: what is trained, written to ONNX, walked, and explained later."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matrix import GRID

LEAF = -1
LEAF_GRID = 2.0**-16
"""Leaves are multiples of this: then 32-bit sums of them are exact, whatever the order, here and in any runtime."""


@dataclass
class Tree:
    """One binary tree; node 0 is the root, and a row goes left where its value is at most the threshold."""

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    cover: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def leaves(self) -> int:
        """The number of leaves."""
        return int((self.feature == LEAF).sum())

    def walk(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        """The leaf of each row."""
        node = np.zeros(len(rows), np.int64)
        while True:
            inner = np.flatnonzero(self.feature[node] != LEAF)
            if len(inner) == 0:
                return node
            at = node[inner]
            goes_left = rows[inner, self.feature[at]] <= self.threshold[at].astype(np.float32)
            node[inner] = np.where(goes_left, self.left[at], self.right[at])

    def count(self, rows: NDArray[np.float32]) -> None:
        """Sets the covers: how many of the rows come by each node."""
        cover = np.bincount(self.walk(rows), minlength=len(self.feature))
        # Children stand behind their parents.
        for node in range(len(self.feature) - 1, -1, -1):
            if self.feature[node] != LEAF:
                cover[node] = cover[self.left[node]] + cover[self.right[node]]
        self.cover = cover


@dataclass
class Ensemble:
    """The sum of trees and a base."""

    base: float
    trees: list[Tree]

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum for each row."""
        total = np.full(len(rows), self.base)
        for tree in self.trees:
            total += tree.value[tree.walk(rows)]
        return total

    def count(self, rows: NDArray[np.float32]) -> None:
        """Sets the covers of all trees."""
        for tree in self.trees:
            tree.count(rows)


def on_leaf_grid(value: float) -> float:
    """The nearest value that leaves may have."""
    return round(value / LEAF_GRID) * LEAF_GRID


def between_grid_points(threshold: float) -> float:
    """The point halfway between the two values of the grid around a threshold: no rounding reaches it."""
    return float(np.floor(threshold / GRID)) * GRID + GRID / 2


def build_tree(root: dict[str, object]) -> Tree:
    """Builds a tree out of nested nodes: `{value}`, or `{feature, threshold, left, right}`."""
    rows: list[tuple[int, float, int, int, float]] = []

    def add(node: dict[str, object]) -> int:
        at = len(rows)
        if "value" in node:
            rows.append((LEAF, 0.0, 0, 0, on_leaf_grid(float(node["value"]))))  # type: ignore[arg-type]
            return at
        rows.append((LEAF, 0.0, 0, 0, 0.0))
        left, right = add(node["left"]), add(node["right"])  # type: ignore[arg-type]
        threshold = between_grid_points(float(node["threshold"]))  # type: ignore[arg-type]
        rows[at] = (int(node["feature"]), threshold, left, right, 0.0)  # type: ignore[call-overload]
        return at

    add(root)
    feature, threshold, left, right, value = zip(*rows)
    return Tree(np.array(feature), np.array(threshold), np.array(left), np.array(right), np.array(value))
