"""The figures of a model: what it finds, at which price, and where."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration import sigmoid
from crossval import OutOfFold, calibrated_by, out_of_fold
from dataset import Dataset
from metrics import (
    FALSE_POSITIVE_RATES,
    Rows,
    Scores,
    expected_calibration_error,
    interval,
    recall_at,
    roc_area,
    threshold_at,
    upper_bound,
)
from models import SEED, Examples, Recipe, fit_model

CURVE = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
MIN_ATTACKS = 5
"""Families with fewer examples are too few to be left out."""

TOGETHER = {
    "pod security": ("pod",),
    "commands, files and images": ("command", "file", "image"),
    "roles and bindings": ("rbac", "binding"),
    "network and control plane": ("network", "control"),
    "the kind of object": ("kind",),
    "what only a comparison shows": ("change",),
    "rarity": ("rarity",),
    "the prior": ("prior", "added"),
}
"""Groups of features that are left out together."""

Figures = dict[str, Any]


def with_interval(data: Dataset, scores: Scores, positive: Rows, rate: float) -> Figures:
    """A recall with the interval that drawing whole sources again gives."""
    negative = data.labels.is_benign

    def recall(rows: NDArray[np.int64]) -> float:
        return recall_at(scores[rows], positive[rows], negative[rows], rate)

    low, high = interval(recall, data.labels.group, SEED)
    return {"rate": rate, "recall": recall(np.arange(len(scores))), "low": low, "high": high}


def recalls(data: Dataset, scores: Scores) -> Figures:
    """What is found: of everything, of attacks, and of fixtures of policy tools."""
    positive = data.labels.target == 1
    sets = {"all": positive, "attacks": positive & data.labels.is_attack, "fixtures": positive & ~data.labels.is_attack}
    return {
        name: {
            "count": int(rows.sum()),
            "at": [with_interval(data, scores, rows, rate) for rate in FALSE_POSITIVE_RATES],
            "curve": [[rate, recall_at(scores, rows, data.labels.is_benign, rate)] for rate in CURVE],
        }
        for name, rows in sets.items()
        if rows.any()
    }


def shares(data: Dataset, scores: Scores, key: NDArray[np.str_]) -> Figures:
    """What is found at 1 % and 0.1 %, by source or by attack."""
    positive = data.labels.target == 1
    limits = [threshold_at(scores[data.labels.is_benign], rate) for rate in FALSE_POSITIVE_RATES]
    found: Figures = {}
    for name in sorted(set(key[positive].tolist()) - {""}):
        rows = positive & (key == name)
        found[name] = {"count": int(rows.sum()), "found": [float((scores[rows] > each).mean()) for each in limits]}
    return found


def per_group(data: Dataset, found: OutOfFold) -> Figures:
    """False positives by the thresholds of each group of kinds, on sources that the thresholds have not seen."""
    result: Figures = {}
    for name in sorted(set(found.group.tolist())):
        rows = data.labels.is_benign & (found.group == name)
        count, warned, denied = int(rows.sum()), int(found.warned[rows].sum()), int(found.denied[rows].sum())
        result[name] = {
            "kinds": list(found.kinds.get(name, ())),
            "benign": count,
            "warned": warned / count,
            "warnedUpper": upper_bound(warned, count),
            "denied": denied / count,
            "deniedUpper": upper_bound(denied, count),
        }
    return result


def routine_edits(data: Dataset, found: OutOfFold) -> Figures:
    """How often ordinary edits are warned of and denied."""
    rows = np.char.startswith(data.labels.attack.astype(str), "routine-")
    if not rows.any():
        return {}
    count = int(rows.sum())
    return {"count": count, "warned": float(found.warned[rows].mean()), "denied": float(found.denied[rows].mean())}


def summary(data: Dataset, found: OutOfFold) -> Figures:
    """All figures of out-of-fold scores."""
    known = data.labels.target
    return {
        "benign": int(data.labels.is_benign.sum()),
        "recall": recalls(data, found.calibrated),
        "recallUncalibrated": recalls_of_logits(data, found),
        "rocArea": roc_area(found.calibrated, known == 1, data.labels.is_benign),
        "calibrationError": expected_calibration_error(sigmoid(found.calibrated), known),
        "bySource": shares(data, found.calibrated, data.labels.source),
        "byAttack": shares(data, found.calibrated, data.labels.attack),
        "byGroup": per_group(data, found),
        "routineEdits": routine_edits(data, found),
    }


def recalls_of_logits(data: Dataset, found: OutOfFold) -> list[list[float]]:
    """The recall of the plain logit, for comparison."""
    positive = data.labels.target == 1
    return [[rate, recall_at(found.logit, positive, data.labels.is_benign, rate)] for rate in FALSE_POSITIVE_RATES]


def leave_one_out(data: Dataset, recipe: Recipe, examples: Examples | None, fold: NDArray[np.int64]) -> Figures:
    """What is found of each attack by a model that has seen none of it; benign rows of one fold give the threshold."""
    positive = data.labels.target == 1
    held = fold == 0
    found: Figures = {}
    for attack in sorted(set(data.labels.attack[positive].tolist()) - {""}):
        rows = positive & (data.labels.attack == attack)
        if rows.sum() < MIN_ATTACKS:
            continue
        model = fit_model(data.take(~held & (data.labels.attack != attack)), recipe, examples)
        limit = threshold_at(model.predict(data.values[held & data.labels.is_benign]), FALSE_POSITIVE_RATES[0])
        found[attack] = {"count": int(rows.sum()), "found": float((model.predict(data.values[rows]) > limit).mean())}
    return {"mean": float(np.mean([each["found"] for each in found.values()])), "attacks": found}


def ablations(data: Dataset, recipe: Recipe, examples: Examples | None, whole: OutOfFold) -> Figures:
    """The recall without each group of features, and without the examples of our own."""
    positive, negative = data.labels.target == 1, data.labels.is_benign

    def figure(found: OutOfFold) -> list[float]:
        return [recall_at(found.logit, positive, negative, rate) for rate in FALSE_POSITIVE_RATES]

    result: Figures = {"everything": figure(whole)}
    for name, groups in TOGETHER.items():
        kept = np.flatnonzero(~np.isin(data.matrix.groups, groups))
        if len(kept) == len(data.matrix.groups):
            continue
        if recipe.slope is not None and recipe.slope.column not in np.array(data.matrix.names)[kept]:
            recipe = replace(recipe, slope=None)
        less = examples.with_columns(kept) if examples is not None else None
        result[f"without {name}"] = figure(out_of_fold(data.with_columns(kept), recipe, less))
    if examples is not None:
        result["without examples of our own"] = figure(out_of_fold(data, recipe, None))
    return result


def without_history(data: Dataset) -> Dataset:
    """The same rows as they are where no snapshot of what is usual is known."""
    values = data.values.copy()
    values[:, data.matrix.rarity_columns()] = 0
    return data.with_values(values)


def released(held: Dataset, recipe: Recipe, data: Dataset, examples: Examples | None, found: OutOfFold) -> Figures:
    """The released model, its calibration and its thresholds on rows that had no part in anything."""
    model = fit_model(data, recipe, examples)
    scored = calibrated_by(data, found, held, model.predict(held.values))
    result = summary(held, scored)
    if held.matrix.rarity_columns():
        cold = calibrated_by(data, found, held, model.predict(without_history(held).values))
        result["withoutHistory"] = recalls(held, cold.calibrated)
    return result
