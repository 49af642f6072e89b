"""
Dangerous objects written by the table below: what people know to be dangerous, said as examples.

Each is a benign object of the corpus, or a bare one, with one to three dangers added. They stand beside the real
examples with a small weight, so that a danger of which the corpus has no attack is not worth nothing, while one that is
common in benign objects still weighs little. They are never counted in a figure.
"""

import copy
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dangers import (
    BINDING_DANGERS,
    CONFIG_DANGERS,
    INGRESS_DANGERS,
    NAMESPACE_DANGERS,
    POD_DANGERS,
    POLICY_DANGERS,
    ROLE_DANGERS,
    SERVICE_DANGERS,
    WEBHOOK_DANGERS,
    WHOLE_OBJECTS,
)

Json = dict[str, Any]
Danger = Callable[[Json, random.Random], None]

POD_PATHS = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
BY_KIND: dict[str, list[Danger]] = {
    "Role": ROLE_DANGERS,
    "ClusterRole": ROLE_DANGERS,
    "RoleBinding": BINDING_DANGERS,
    "ClusterRoleBinding": BINDING_DANGERS,
    "Service": SERVICE_DANGERS,
    "Ingress": INGRESS_DANGERS,
    "NetworkPolicy": POLICY_DANGERS,
    "ConfigMap": CONFIG_DANGERS,
    "Namespace": NAMESPACE_DANGERS,
    "MutatingWebhookConfiguration": WEBHOOK_DANGERS,
    "ValidatingWebhookConfiguration": WEBHOOK_DANGERS,
}
BARE_IMAGES = (
    "alpine:3.20",
    "ubuntu:22.04",
    "busybox",
    "nginx:1.27",
    "ghcr.io/team/app:1.4.2",
    "registry.example.com/team/app:2.0",
)
OBJECTS_PER_DANGER = 24
CHANGES_PER_DANGER = 16


def pod_of(manifest: Json) -> Json | None:
    """The pod spec of a workload that has a container."""
    value: Any = manifest
    for key in POD_PATHS.get(str(manifest.get("kind")), ("",)):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(value.get("containers"), list) or not value["containers"]:
        return None
    return value if all(isinstance(each, dict) for each in value["containers"]) else None


def dangers_for(manifest: Json) -> tuple[Json, list[Danger]]:
    """Where dangers are added in an object, and which fit."""
    pod = pod_of(manifest)
    if pod is not None:
        return pod, POD_DANGERS
    return manifest, BY_KIND.get(str(manifest.get("kind")), [])


def family_of(kind: str) -> str:
    """What the dangers of a kind are listed under."""
    if kind in POD_PATHS:
        return "Pod"
    return kind.removeprefix("Cluster").removeprefix("Mutating").removeprefix("Validating")


def bare_object(kind: str, draw: random.Random) -> Json:
    """An object with nothing in it that tells anything."""
    name = f"{draw.choice(('web', 'app', 'sync', 'node-agent', 'helper', 'proxy', 'task'))}-{draw.randrange(16**4):04x}"
    metadata = {"name": name, "namespace": draw.choice(("default", "shop", "kube-system", "ci", "data"))}
    if kind in POD_PATHS:
        pod: Json = {"containers": [{"name": name, "image": draw.choice(BARE_IMAGES)}]}
        for key in reversed(POD_PATHS[kind]):
            pod = {key: pod}
        version = "v1" if kind == "Pod" else "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **pod}
    if kind in ("Role", "ClusterRole"):
        return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": []}
    if kind in ("RoleBinding", "ClusterRoleBinding"):
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": metadata["namespace"]}
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "roleRef": role,
            "subjects": [subject],
        }
    versions = {
        "Ingress": "networking.k8s.io/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    }
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata}


def objects(benign: list[Json], draw: random.Random) -> Iterator[Json]:
    """Records of dangerous objects."""
    by_kind: dict[str, list[Json]] = {}
    for record in benign:
        by_kind.setdefault(record["kind"], []).append(record)
    for kind in [*POD_PATHS, *BY_KIND]:
        _, dangers = dangers_for(bare_object(kind, draw))
        share = OBJECTS_PER_DANGER // (3 if kind in POD_PATHS else 1)
        for number, danger in enumerate(dangers):
            for _ in range(share):
                base = draw.choice(by_kind[kind]) if kind in by_kind and draw.random() < 0.5 else None
                manifest = copy.deepcopy(base["manifest"]) if base else bare_object(kind, draw)
                target, fitting = dangers_for(manifest)
                if not fitting:
                    continue
                others = draw.sample(fitting, draw.choice((0, 0, 1, 2)))
                if apply(target, [danger, *others], draw):
                    source = base["source_repo"] if base else ""
                    yield {
                        "manifest": manifest,
                        "kind": kind,
                        "source_repo": source,
                        "danger": f"{family_of(kind)} {number}",
                    }
    for number, make in enumerate(WHOLE_OBJECTS):
        for _ in range(OBJECTS_PER_DANGER):
            manifest = make(draw)
            yield {"manifest": manifest, "kind": manifest["kind"], "source_repo": "", "danger": f"whole {number}"}


def changes(benign: list[Json], draw: random.Random) -> Iterator[Json]:
    """Records of a benign object that becomes dangerous; where `benign` are changes, the danger comes with them."""
    by_danger: dict[int, int] = {}
    for record in draw.sample(benign, len(benign)):
        _, fitting = dangers_for(record["new"])
        if not fitting:
            continue
        wanted = [
            each
            for each in fitting
            if by_danger.get(id(each), 0) < CHANGES_PER_DANGER * (4 if fitting is POD_DANGERS else 2)
        ]
        if not wanted:
            continue
        old, new = record["old"] if draw.random() < 0.3 else record["new"], copy.deepcopy(record["new"])
        danger = draw.choice(wanted)
        if apply(dangers_for(new)[0], [danger], draw) and new != old:
            by_danger[id(danger)] = by_danger.get(id(danger), 0) + 1
            number = fitting.index(danger)
            yield {
                **{key: record[key] for key in ("kind", "source_repo", "path")},
                "old": old,
                "new": new,
                "danger": f"{family_of(record['kind'])} {number}",
            }


def apply(target: Json, dangers: list[Danger], draw: random.Random) -> bool:
    """Adds dangers; false where the object has another form than they expect."""
    try:
        for danger in dangers:
            danger(target, draw)
    except (AttributeError, KeyError, TypeError, IndexError):
        return False
    return True


def benign_records(path: Path) -> list[Json]:
    """The benign records of a file of the corpus."""
    with gzip.open(path, "rt", encoding="utf8") as lines:
        return [record for record in map(json.loads, lines) if record["label"] == "benign"]


def write(corpus: Path, out: Path, seed: int) -> None:
    """Writes dangerous objects and changes, made of the benign ones of the training part."""
    draw = random.Random(seed)
    out.mkdir(parents=True, exist_ok=True)
    manifests = benign_records(corpus / "train.jsonl.gz")
    # Edits of objects that nothing else happens to, beside dangers that come with a change.
    still = [
        {
            **{key: each[key] for key in ("kind", "source_repo", "path")},
            "old": each["manifest"],
            "new": each["manifest"],
        }
        for each in manifests
    ]
    parts = {
        "objects": objects(manifests, draw),
        "changes": changes(benign_records(corpus / "changes-train.jsonl.gz") + still, draw),
        "none": iter(()),
    }
    for name, records in parts.items():
        with gzip.open(out / f"{name}.jsonl.gz", "wt", encoding="utf8", compresslevel=1) as file:
            for index, record in enumerate(records):
                file.write(json.dumps({"id": f"example-{index}", **record}) + "\n")


def read_sources(directory: Path, name: str) -> NDArray[np.str_]:
    """The sources of what the examples were made of, in the order of their matrix."""
    with gzip.open(directory / f"{name}.jsonl.gz", "rt", encoding="utf8") as lines:
        return np.array([json.loads(line)["source_repo"] for line in lines])


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), 2025)
