# METADATA
# title: Most workloads scaled to zero
# description: |
#   A value that is empty, or a patch for one environment that reaches another, takes the replicas of a whole application
#   away in one sync. Nothing is deleted, so nothing warns, and nothing runs.
# custom:
#   severity: high
#   scope: changeset
#   controls: ["MITRE:T1489"]
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # The share of the workloads with replicas that may lose all of them, from 0 to 1, and how many are always fine.
#     warnShare: 0.5
#     warnCount: 1
package lockkeeper.set_scale_to_zero

import data.lockkeeper.lib.changeset

warn contains violation if {
	count(_stopped) > input.parameters.warnCount
	count(_stopped) > input.parameters.warnShare * count(_running)
	violation := {
		"msg": sprintf("%d of %d workloads that have replicas would have none", [count(_stopped), count(_running)]),
		"path": "",
		"details": {"objects": _stopped},
		"remedy": {"text": "see that the values are those of this environment; to stop an application on purpose, scale its workloads in smaller steps"},
	}
}

# Those that stay and have replicas now.
_running := [i |
	some i, update in changeset.updates
	update.new.kind in _kinds[changeset.group(update.new)]
	_replicas(update.old) > 0
]

_stopped := [i | some i in _running; _replicas(changeset.updates[i].new) == 0]

_replicas(manifest) := manifest.spec.replicas if is_number(manifest.spec.replicas)

_replicas(manifest) := 1 if object.get(manifest, ["spec", "replicas"], null) == null

_kinds := {
	"": ["ReplicationController"],
	"apps": ["Deployment", "ReplicaSet", "StatefulSet"],
	"argoproj.io": ["Rollout"],
}
