"""The figures of the model card."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Rows = NDArray[np.bool_]
FALSE_POSITIVE_RATES = (0.01, 0.001)
RESAMPLES = 400


def threshold_at(negatives: Scores, rate: float) -> float:
    """The score that at most this share of the negatives is above."""
    if len(negatives) == 0:
        return float("-inf")
    ordered = np.sort(negatives)[::-1]
    return float(ordered[min(int(rate * len(ordered)), len(ordered) - 1)])


def recall_at(scores: Scores, positive: Rows, negative: Rows, rate: float) -> float:
    """The share of positives above the threshold of a false positive rate; ties with it do not count as found."""
    return float((scores[positive] > threshold_at(scores[negative], rate)).mean()) if positive.any() else float("nan")


def expected_calibration_error(probability: Scores, target: NDArray[np.int8], bins: int = 15) -> float:
    """How far probabilities are from frequencies, over bins of equal width."""
    index = np.minimum((probability * bins).astype(int), bins - 1)
    weight = np.bincount(index, minlength=bins)
    gap = np.abs(np.bincount(index, probability, bins) - np.bincount(index, target, bins))
    return float(gap[weight > 0].sum() / len(target))


def roc_area(scores: Scores, positive: Rows, negative: Rows) -> float:
    """The chance that a positive scores above a negative."""
    ordered = np.sort(scores[negative])
    below = np.searchsorted(ordered, scores[positive], "left") + np.searchsorted(ordered, scores[positive], "right")
    return float(below.mean() / 2 / max(1, len(ordered)))


def interval(
    figure: Callable[[NDArray[np.int64]], float], groups: NDArray[np.str_], seed: int, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The 5 % and 95 % points of a figure when whole groups are drawn again and again."""
    generator = np.random.default_rng(seed)
    names, index = np.unique(groups, return_inverse=True)
    order = np.argsort(index, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(index))[:-1])
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([members[each] for each in generator.integers(0, len(names), len(names))])
        value = figure(rows)
        if not np.isnan(value):
            drawn.append(value)
    low, high = np.percentile(drawn, [5, 95])
    return float(low), float(high)


def upper_bound(hits: int, trials: int, confidence: float = 0.9) -> float:
    """The upper bound of a share (Clopper and Pearson)."""
    from scipy.stats import beta

    return 1.0 if hits >= trials else float(beta.ppf(confidence, hits + 1, trials - hits))
