"""Logits to probabilities and thresholds, for each group of kinds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from metrics import Scores, upper_bound

WARN_RATE, DENY_RATE = 0.01, 0.001
MAX_QUANTILES = 2000
STRENGTH = 10.0
"""Groups without attacks of their own keep near the line of all."""
SLACK = 1.0
"""A group where little happens has a low threshold, but at most so far below that of all: the next may do more."""
TOLERANCE = 3
"""The false positives of a group may be this many times the nominal ones, at the upper 90 % bound."""


@dataclass(frozen=True)
class Calibration:
    """What a group does with a logit: `slope` · logit + `intercept`, and where warnings and denials begin."""

    slope: float
    intercept: float
    benign: NDArray[np.float64]
    benign_count: int
    warn: float
    deny: float

    def apply(self, logit: Scores) -> Scores:
        """The calibrated logit."""
        return self.slope * logit + self.intercept


def sigmoid(logit: Scores) -> Scores:
    """The probability of a calibrated logit."""
    return 1 / (1 + np.exp(-np.clip(logit, -60, 60)))


def fit_slope(
    logit: Scores, target: NDArray[np.int8], around: tuple[float, float], strength: float
) -> tuple[float, float]:
    """Logistic regression on the logit, held near a slope and an intercept as by `strength` rows of evidence."""

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_slope, intercept = parameters
        z = np.exp(log_slope) * logit + intercept
        pull = np.array([log_slope - np.log(around[0]), (intercept - around[1]) / 2])
        value = np.logaddexp(0, z).sum() - (target * z).sum() + strength * (pull**2).sum()
        rest = sigmoid(z) - target
        slope_part = (rest * logit).sum() * np.exp(log_slope) + 2 * strength * pull[0]
        return value, np.array([slope_part, rest.sum() + strength * pull[1]])

    found = minimize(
        loss, np.array([np.log(around[0]), around[1]]), jac=True, method="L-BFGS-B", bounds=[(-3, 3), (-20, 20)]
    )
    return float(np.exp(found.x[0])), float(found.x[1])


def conformal_threshold(benign: Scores, rate: float) -> float:
    """The calibrated logit that a further benign row reaches with at most this chance (split conformal)."""
    ordered = np.sort(benign)[::-1]
    count = len(ordered)
    hits = int(rate * (count + 1))
    while hits > 0 and upper_bound(hits, count) > TOLERANCE * rate:
        hits -= 1
    # A hair above the first that has to stay below.
    return float(ordered[hits]) + 2.0**-10


def calibrate(
    logit: Scores, target: NDArray[np.int8], is_benign: NDArray[np.bool_], group: NDArray[np.str_]
) -> dict[str, Calibration]:
    """The calibration of every group, out of out-of-fold logits."""
    shared = fit_slope(logit, target, (1.0, 0.0), 0.01)
    lines = {
        name: fit_slope(logit[group == name], target[group == name], shared, STRENGTH)
        for name in sorted(set(group.tolist()))
    }
    calibrated = np.zeros(len(logit))
    for name, (slope, intercept) in lines.items():
        calibrated[group == name] = slope * logit[group == name] + intercept
    warn_floor, deny_floor = (
        conformal_threshold(calibrated[is_benign], rate) - SLACK for rate in (WARN_RATE, DENY_RATE)
    )
    found: dict[str, Calibration] = {}
    for name, (slope, intercept) in lines.items():
        benign = np.sort(calibrated[(group == name) & is_benign])
        warn = max(conformal_threshold(benign, WARN_RATE), warn_floor)
        deny = max(conformal_threshold(benign, DENY_RATE), deny_floor, warn + 2.0**-6)
        found[name] = Calibration(slope, intercept, quantiles(benign), len(benign), warn, deny)
    return found


def quantiles(ordered: Scores) -> Scores:
    """All values, or as many evenly spaced quantiles as are kept."""
    if len(ordered) <= MAX_QUANTILES:
        return ordered
    return np.quantile(ordered, np.linspace(0, 1, MAX_QUANTILES))


def apply(calibrations: dict[str, Calibration], logit: Scores, group: NDArray[np.str_]) -> Scores:
    """The calibrated logits of rows of several groups."""
    result = np.empty(len(logit))
    for name in set(group.tolist()):
        rows = group == name
        result[rows] = calibrations[name].apply(logit[rows])
    return result
