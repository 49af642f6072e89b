"""The files of a release: models with their metadata, and golden rows."""

from pathlib import Path

import numpy as np

from calibration import Calibration, sigmoid
from crossval import OutOfFold, fit_groups
from dataset import Dataset
from golden import check_against_onnx, check_monotone, pick, sparse
from groups import OTHER
from isolation import SAMPLE, fit_isolation
from matrix import GRID
from models import SEED, Examples, Recipe, fit_model
from onnx_file import write_onnx

VERSION = "0.1.0"
SCHEMA = 1


def write_model(
    out: Path,
    data: Dataset,
    recipe: Recipe,
    examples: Examples,
    found: OutOfFold,
    cold: OutOfFold | None,
    digests: dict[str, str],
) -> list[dict[str, object]]:
    """Fits on all rows, writes the model, and returns its golden rows."""
    ensemble = fit_model(data, recipe, examples)
    # Thresholds are those of scores that have not seen their row: a model's scores of its own rows are too sure.
    calibrations = fit_groups(data, found.logit, found.group)
    metadata = {
        **shared_metadata(recipe.kind, data, digests),
        "groups": {name: group_metadata(found.kinds.get(name, ()), each) for name, each in calibrations.items()},
        "otherGroup": OTHER,
    }
    path = out / f"{recipe.name}.onnx"
    write_onnx(path, ensemble, len(data.matrix.names), "logit", metadata)
    logit = ensemble.predict(data.values)
    check_against_onnx(path, data.values, logit)
    check_monotone(ensemble, data.values, data.matrix.directions, SEED)
    rows = pick(logit, SEED)
    score = sigmoid(np.array([calibrations[str(found.group[row])].apply(logit[row]) for row in rows]))
    return [
        {
            "kind": str(data.labels.kind[row]),
            "values": sparse(data.values[row], data.matrix.names),
            "logit": float(logit[row]),
            "score": float(each),
        }
        for row, each in zip(rows, score)
    ]


def write_isolation(out: Path, data: Dataset, digests: dict[str, str]) -> list[dict[str, object]]:
    """Fits the forest on what is benign, writes it, and returns its golden rows."""
    ensemble = fit_isolation(data.values[data.labels.is_benign], SEED)
    path = out / "isolation.onnx"
    metadata = {**shared_metadata("isolation", data, digests), "sampleSize": SAMPLE}
    write_onnx(path, ensemble, len(data.matrix.names), "depth", metadata)
    depth = ensemble.predict(data.values)
    check_against_onnx(path, data.values, depth)
    return [
        {"values": sparse(data.values[row], data.matrix.names), "depth": float(depth[row])} for row in pick(depth, SEED)
    ]


def shared_metadata(kind: str, data: Dataset, digests: dict[str, str]) -> dict[str, object]:
    """What every file says of itself."""
    return {
        "schema": SCHEMA,
        "kind": kind,
        "version": VERSION,
        "featureVersion": data.matrix.feature_version,
        "grid": GRID,
        "columns": data.matrix.names,
        "corpus": digests,
        "seed": SEED,
    }


def group_metadata(kinds: tuple[str, ...], calibration: Calibration) -> dict[str, object]:
    """The calibration and thresholds of a group."""
    return {
        "kinds": list(kinds),
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "benign": [round(float(each), 4) for each in calibration.benign],
        "benignCount": calibration.benign_count,
        "warn": round(calibration.warn, 6),
        "deny": round(calibration.deny, 6),
    }
