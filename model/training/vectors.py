"""
Writes the features of a few records as Python reads them, for the test that compares them with Node's bit for bit.

The matrices come from the code that serves; what is compared is that nothing is lost on the way into training.
"""

import hashlib
import json
import sys
from pathlib import Path

from golden import sparse
from matrix import read_matrix


def main(matrices: Path, out: Path) -> None:
    """Reads both matrices, and writes their rows."""
    result: dict[str, object] = {}
    for name in ("objects", "changes"):
        matrix = read_matrix(matrices, name)
        result["featureVersion"] = matrix.feature_version
        result[name] = {
            "columns": hashlib.sha256("\n".join(matrix.names).encode()).hexdigest(),
            "rows": [
                {
                    "id": row_id,
                    "sha256": hashlib.sha256(row.astype("<f4").tobytes()).hexdigest(),
                    "values": sparse(row, matrix.names),
                }
                for row_id, row in zip(matrix.ids, matrix.values)
            ],
        }
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
