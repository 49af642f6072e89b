"""
Writes the table of what benign objects have and benign changes add (`src/risk/features/familiar-rates.ts`).

Run by hand when features come or go: features are an input of training, not an output.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dataset import Dataset, read_dataset

DELTA, NEW = "delta.", "new."
LEAST_RATE = 0.7
"""Of ten thousand; rates are powers of two: finer ones would tell single sources apart."""


def rates(data: Dataset, is_wanted: Callable[[str], bool], prefix: str) -> dict[str, int]:
    """How many of ten thousand benign rows have each of the columns."""
    benign = data.values[data.labels.is_benign]
    found: dict[str, int] = {}
    for index, name in enumerate(data.matrix.names):
        if data.matrix.directions[index] == 0 or not is_wanted(name):
            continue
        rate = float((benign[:, index] > 0).mean()) * 10_000
        if rate >= LEAST_RATE:
            found[name.removeprefix(prefix)] = 2 ** round(float(np.log2(rate)))
    return found


def is_weighed(name: str) -> bool:
    """Whether the prior weighs the column."""
    return not name.removeprefix(DELTA).startswith(("prior.", "added.", "kind.", "rarity.", NEW))


def main() -> None:
    """Reads matrices and corpus, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--corpus", "--matrices", "--out"):
        parser.add_argument(option, type=Path, required=True)
    arguments = parser.parse_args()
    objects = read_dataset(arguments.matrices, "objects", arguments.corpus / "train.jsonl.gz")
    changes = read_dataset(arguments.matrices, "changes", arguments.corpus / "changes-train.jsonl.gz")
    tables = {
        "object": rates(objects, is_weighed, ""),
        "change": rates(changes, lambda name: is_weighed(name) and name.startswith((DELTA, "change.")), DELTA),
    }
    lines = [
        "/**",
        " * How many of 10,000 benign objects have a feature, and how many benign changes add it, to a power of 2;",
        " * what is not here, none has. Counted in the training corpus by `model/training/familiarity.py`.",
        " */",
        "export const FAMILIAR_RATES: Readonly<Record<'object' | 'change', Readonly<Record<string, number>>>> = {",
    ]
    for setting, table in tables.items():
        lines.append(f"  {setting}: {{")
        lines += [f"    '{name}': {rate}," for name, rate in table.items()]
        lines.append("  },")
    arguments.out.write_text("\n".join([*lines, "}"]) + "\n")


if __name__ == "__main__":
    main()
