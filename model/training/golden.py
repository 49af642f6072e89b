"""Rows with the answer that every runtime has to give."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onnx_file import INPUT

ROWS = 48
MAX_DIFFERENCE = 1e-5


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


def sparse(row: NDArray[np.float32], names: list[str]) -> dict[str, float]:
    """A row as a mapping, without zeros."""
    return {names[index]: float(row[index]) for index in np.flatnonzero(row)}
