"""Out-of-fold scores: of every row by a model, a calibration and thresholds that have not seen its source."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import calibration
from calibration import Calibration
from dataset import Dataset
from folds import grouped_folds
from groups import assign, group_kinds
from models import Examples, Recipe, fit_model


@dataclass(frozen=True)
class OutOfFold:
    """Scores of all rows, each by what was fitted without its group."""

    fold: NDArray[np.int64]
    logit: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    """By a calibration that is fitted on the other folds."""
    warned: NDArray[np.bool_]
    denied: NDArray[np.bool_]
    group: NDArray[np.str_]
    kinds: dict[str, tuple[str, ...]]


def out_of_fold(data: Dataset, recipe: Recipe, examples: Examples | None) -> OutOfFold:
    """Fits once for each fold."""
    return out_of_fold_of(data, recipe, examples, [data])[0]


def out_of_fold_of(data: Dataset, recipe: Recipe, examples: Examples | None, views: list[Dataset]) -> list[OutOfFold]:
    """Fits once for each fold, and scores the rows as several views show them."""
    fold = grouped_folds(data.labels)
    logits = [np.zeros(len(fold)) for _ in views]
    for each in np.unique(fold):
        held = fold == each
        model = fit_model(data.take(~held), recipe, examples)
        for view, logit in zip(views, logits):
            logit[held] = model.predict(view.values[held])
    return [calibrated_out_of_fold(data, logit, fold) for logit in logits]


def calibrated_out_of_fold(data: Dataset, logit: NDArray[np.float64], fold: NDArray[np.int64]) -> OutOfFold:
    """Calibrates the rows of each fold by the others."""
    kinds = group_kinds(data.labels.kind, data.labels.is_benign)
    group = assign(data.labels.kind, kinds)
    calibrated, warned, denied = np.zeros(len(logit)), np.zeros(len(logit), bool), np.zeros(len(logit), bool)
    for each in np.unique(fold):
        held, others = fold == each, fold != each
        fitted = fit_groups(data.take(others), logit[others], group[others])
        calibrated[held] = calibration.apply(fitted, logit[held], group[held])
        for name in set(group[held].tolist()):
            rows = held & (group == name)
            warned[rows] = calibrated[rows] >= fitted[name].warn
            denied[rows] = calibrated[rows] >= fitted[name].deny
    return OutOfFold(fold, logit, calibrated, warned, denied, group, kinds)


def fit_groups(data: Dataset, logit: NDArray[np.float64], group: NDArray[np.str_]) -> dict[str, Calibration]:
    """Calibrates the groups."""
    return calibration.calibrate(logit, data.labels.target, data.labels.is_benign, group)


def calibrated_by(data: Dataset, found: OutOfFold, held: Dataset, logit: NDArray[np.float64]) -> OutOfFold:
    """Scores of other rows by the calibration and thresholds of these."""
    fitted = fit_groups(data, found.logit, found.group)
    group = assign(held.labels.kind, found.kinds)
    calibrated = calibration.apply(fitted, logit, group)
    warn, deny = (np.array([getattr(fitted[str(each)], name) for each in group]) for name in ("warn", "deny"))
    fold = np.zeros(len(logit), np.int64)
    return OutOfFold(fold, logit, calibrated, calibrated >= warn, calibrated >= deny, group, found.kinds)
