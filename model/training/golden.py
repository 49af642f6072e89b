"""Rows with the answer that every runtime has to give."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onnx_file import INPUT
from trees import Ensemble

ROWS = 48
MAX_DIFFERENCE = 1e-5
CHECKED_ROWS = 50
RAISES = (1 / 64, 0.25, 1, 2, 4, 16)


def pick(order: NDArray[np.float64], seed: int) -> list[int]:
    """Rows of all heights of a score: the highest, the lowest, and some between."""
    ranked = np.argsort(-order, kind="stable")
    third = ROWS // 3
    between = np.random.default_rng(seed).choice(ranked[third:-third], ROWS - 2 * third, replace=False)
    return [int(each) for each in [*ranked[:third], *np.sort(between), *ranked[-third:]]]


def run_onnx(path: Path, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """What ONNX Runtime answers."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {INPUT: np.ascontiguousarray(rows)})[0][:, 0].astype(np.float64)


def check_against_onnx(path: Path, rows: NDArray[np.float32], expected: NDArray[np.float64]) -> None:
    """Refuses a model that ONNX Runtime reads otherwise than we do."""
    difference = float(np.abs(run_onnx(path, rows) - expected).max())
    if difference > MAX_DIFFERENCE:
        raise ValueError(f"{path.name}: ONNX Runtime differs by {difference} from the trees")


def check_monotone(ensemble: Ensemble, rows: NDArray[np.float32], directions: list[int], seed: int) -> None:
    """Refuses a model whose sum falls where a value rises that may not lower it: every such column, on drawn rows."""
    generator = np.random.default_rng(seed)
    columns = np.repeat(np.flatnonzero(directions), CHECKED_ROWS)
    drawn = rows[generator.integers(0, len(rows), len(columns))]
    raised = drawn.copy()
    raised[np.arange(len(columns)), columns] += generator.choice(RAISES, len(columns)).astype(np.float32)
    fallen = columns[ensemble.predict(raised) < ensemble.predict(drawn)]
    if len(fallen) > 0:
        raise ValueError(f"the model falls where these columns rise: {sorted(set(fallen.tolist()))}")


def sparse(row: NDArray[np.float32], names: list[str]) -> dict[str, float]:
    """A row as a mapping, without zeros."""
    return {names[index]: float(row[index]) for index in np.flatnonzero(row)}
