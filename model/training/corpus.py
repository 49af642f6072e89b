"""What the corpus says of its records: read as the training label and by the metrics, never as a feature."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

AUTHORED = "authored"


@dataclass(frozen=True)
class Labels:
    """Label, source and attack of each record, in the order of a matrix."""

    target: NDArray[np.int8]
    """1 for what should be found, 0 for what should pass, -1 for what is left out."""
    is_benign: NDArray[np.bool_]
    """Real manifests and changes: what false positives are counted on."""
    is_attack: NDArray[np.bool_]
    """Positives that are no fixtures of policy tools."""
    source: NDArray[np.str_]
    group: NDArray[np.str_]
    """What is kept together in cross-validation: a source, and of authored records a family."""
    attack: NDArray[np.str_]
    """The family of an object, the mutation of a change; empty where there is none."""
    kind: NDArray[np.str_]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Labels":
        """The labels of some of the rows."""
        return Labels(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def read_labels(path: Path, ids: list[str]) -> Labels:
    """Reads the labels of the records that have these ids."""
    with gzip.open(path, "rt", encoding="utf8") as lines:
        records = {record["id"]: record for record in map(json.loads, lines)}
    found = [records[each] for each in ids]
    label = [record["label"] for record in found]
    source = [record["source_repo"] for record in found]
    attack = [record.get("family") or record.get("mutation") or "" for record in found]
    return Labels(
        target=np.array([target_of(record) for record in found], np.int8),
        is_benign=np.array([each == "benign" for each in label]),
        is_attack=np.array([each in ("hostile", "insecure") for each in label]),
        source=np.array(source),
        group=np.array([f"{one}/{what}" if one == AUTHORED else one for one, what in zip(source, attack)]),
        attack=np.array(attack),
        kind=np.array([record["kind"] for record in found]),
    )


def target_of(record: dict[str, object]) -> int:
    """The training label of a record."""
    if record["label"] in ("hostile", "insecure", "fail-fixture") and record.get("severity") == "high":
        return 1
    return 0 if record["label"] in ("benign", "pass-fixture") else -1


def digest(path: Path) -> str:
    """The SHA-256 of a file of the corpus."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
