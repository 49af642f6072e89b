"""Groups of kinds: each has its own calibration and thresholds, so that one score means the same in all of them."""

import numpy as np
from numpy.typing import NDArray

OTHER = "other"
MIN_BENIGN = 300
"""A group with fewer benign rows joins another one: its thresholds would be those of one or two sources."""

KINDS: dict[str, tuple[str, ...]] = {
    "deployment": ("Deployment", "ReplicaSet", "ReplicationController"),
    "stateful-set": ("StatefulSet",),
    "daemon-set": ("DaemonSet",),
    "job": ("Job", "CronJob"),
    "pod": ("Pod", "PodTemplate"),
    "pipeline": ("Task", "TaskRun", "ClusterTask", "Pipeline", "PipelineRun", "Workflow", "WorkflowTemplate"),
    "cluster-role": ("ClusterRole",),
    "role": ("Role",),
    "cluster-role-binding": ("ClusterRoleBinding",),
    "role-binding": ("RoleBinding",),
    "service": ("Service", "Endpoints", "EndpointSlice", "Ingress"),
    "network-policy": ("NetworkPolicy",),
    "config": ("ConfigMap", "Secret"),
    "admission": ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
}

JOINS = {
    "stateful-set": "deployment",
    "daemon-set": "stateful-set",
    "pod": "deployment",
    "job": "deployment",
    "role": "cluster-role",
    "cluster-role": "role",
    "role-binding": "cluster-role-binding",
    "cluster-role-binding": "role-binding",
}


def group_kinds(kinds: NDArray[np.str_], is_benign: NDArray[np.bool_]) -> dict[str, tuple[str, ...]]:
    """The groups that have enough benign rows, with their kinds; any other kind is of the group `other`."""
    members = {name: set(each) for name, each in KINDS.items()}
    while True:
        sizes = {name: int((is_benign & np.isin(kinds, list(each))).sum()) for name, each in members.items()}
        small = [name for name, size in sizes.items() if size < MIN_BENIGN]
        if not small:
            return {name: tuple(sorted(each)) for name, each in members.items()}
        name = min(small, key=lambda each: (sizes[each], each))
        kept = members.pop(name)
        target = JOINS.get(name, OTHER)
        if target in members:
            members[target] |= kept


def assign(kinds: NDArray[np.str_], groups: dict[str, tuple[str, ...]]) -> NDArray[np.str_]:
    """The group of each row."""
    group_of = {kind: name for name, members in groups.items() for kind in members}
    return np.array([group_of.get(str(kind), OTHER) for kind in kinds])
