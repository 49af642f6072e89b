"""Folds for cross-validation that keep groups together."""

import numpy as np
from numpy.typing import NDArray

from corpus import Labels

FOLDS = 5


def grouped_folds(labels: Labels, count: int = FOLDS) -> NDArray[np.int64]:
    """The fold of each row: groups stay whole, and positives and negatives are spread as evenly as that allows."""
    positive = labels.target == 1
    groups, index = np.unique(labels.group, return_inverse=True)
    sizes = np.stack(
        [
            np.bincount(index, ~positive) / max(1, (~positive).sum()),
            np.bincount(index, positive) / max(1, positive.sum()),
        ],
        axis=1,
    )
    load = np.zeros((count, 2))
    fold_of = np.zeros(len(groups), np.int64)
    for group in sorted(range(len(groups)), key=lambda each: (-sizes[each].sum(), groups[each])):
        # The fold that needs most what this group has.
        fold_of[group] = int(np.argmin(load @ sizes[group] / sizes[group].sum() + load.sum(axis=1) / 100))
        load[fold_of[group]] += sizes[group]
    return fold_of[index]
