package lockkeeper.flux_artifact_status_test

import data.lockkeeper.flux_artifact_status as policy
import data.lockkeeper.lib.fixture

parameters := {"publishers": ["ServiceAccount:flux-system/source-controller"]}

object_of(artifact) := {
	"apiVersion": "source.toolkit.fluxcd.io/v1",
	"kind": "ExternalArtifact",
	"metadata": {"name": "shop"},
	"status": {"artifact": artifact},
}

artifact(digest) := {"url": "http://a/b.tar.gz", "digest": digest, "lastUpdateTime": digest}

change(old, new) := fixture.with_parameters(fixture.update(object_of(new), object_of(old)), parameters)

test_an_artifact_written_by_a_person_is_denied if {
	violations := policy.deny with input as fixture.by(change(artifact("sha256:a"), artifact("sha256:b")), "admin", ["system:masters"])
	violations == {{
		"msg": `the user "admin" sets the artifact of the ExternalArtifact to sha256:b: that archive is applied next`,
		"path": "/status/artifact",
		"details": {"digest": "sha256:b"},
		"remedy": {"text": "leave the status to the source's controller; name who else publishes artifacts in the parameter publishers"},
	}}
}

test_an_unknown_service_account_is_a_warning if {
	request := fixture.by(change(artifact("sha256:a"), artifact("sha256:b")), "system:serviceaccount:ci:publisher", [])
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	count(warnings) == 1
}

test_the_publishers_may if {
	request := fixture.by(change(artifact("sha256:a"), artifact("sha256:b")), "system:serviceaccount:flux-system:source-controller", [])
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	warnings == set()
}

test_every_member_that_counts[name] if {
	some name, [old, new, count_of_violations] in {
		"another address": [{"url": "a"}, {"url": "b"}, 1],
		"another revision": [{"revision": "a"}, {"revision": "b"}, 1],
		"a first artifact": [null, {"url": "b"}, 1],
		"the same": [{"url": "a", "digest": "b"}, {"digest": "b", "url": "a"}, 0],
		"only the time": [{"url": "a", "lastUpdateTime": "1"}, {"url": "a", "lastUpdateTime": "2"}, 0],
		"no artifact any more": [{"url": "a"}, null, 0],
		"garbage": [{"url": "a"}, "x", 0],
	}
	violations := policy.deny with input as fixture.by(change(old, new), "alice", [])
	count(violations) == count_of_violations
}

test_an_object_created_with_a_status_is_denied if {
	request := fixture.with_parameters(fixture.create(object_of(artifact("sha256:b"))), parameters)
	violations := policy.deny with input as fixture.by(request, "alice", [])
	count(violations) == 1
}

gate := "system:serviceaccount:lockkeeper-system:lockkeeper-flux"

gated(request) := fixture.with_parameters(
	fixture.with_review(request, {"namespace": "shop"}),
	{"publishers": parameters.publishers, "gatedNamespaces": ["shop"], "gates": ["ServiceAccount:lockkeeper-system/lockkeeper-flux"]},
)

test_in_a_gated_namespace_an_artifact_is_the_gates_alone if {
	violations := policy.deny with input as gated(fixture.by(change(artifact("sha256:a"), artifact("sha256:b")), "alice", []))
	violations == {{
		"msg": `the user "alice" changes the ExternalArtifact shop of the gated namespace shop: what it names is applied unjudged`,
		"path": "",
		"details": {"operation": "UPDATE"},
		"remedy": {"text": "leave it to the gate, and change the ArtifactGate instead; name who else may write it in the parameter gates"},
	}}
}

test_who_writes_in_a_gated_namespace[username] if {
	some username, count_of_violations in {
		"alice": 1,
		gate: 0,
		"system:serviceaccount:lockkeeper-system:other": 1,
		"system:serviceaccount:flux-system:source-controller": 1,
		"system:serviceaccount:flux-system:kustomize-controller": 1,
		"system:serviceaccount:kube-system:namespace-controller": 0,
	}
	requests := [
		change(artifact("sha256:a"), artifact("sha256:b")),
		fixture.create(object_of(null)),
		fixture.delete(object_of(artifact("sha256:a"))),
	]
	every request in requests {
		violations := policy.deny with input as gated(fixture.by(request, username, []))
		count(violations) == count_of_violations
		warnings := policy.warn with input as gated(fixture.by(request, username, []))
		warnings == set()
	}
}

test_what_is_a_write_in_a_gated_namespace[name] if {
	old := {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact", "metadata": {"name": "shop"}, "spec": {}}
	some name, [members, count_of_violations] in {
		"another source": [{"spec": {"sourceRef": {"name": "other"}}}, 1],
		"conditions": [{"status": {"conditions": []}}, 1],
		"an owner": [{"metadata": {"ownerReferences": [{"name": "x"}]}}, 1],
		"a finalizer": [{"metadata": {"finalizers": ["x"]}}, 1],
		"a label": [{"metadata": {"labels": {"team": "shop"}}}, 0],
		"nothing": [{}, 0],
	}
	request := fixture.update(object.union(old, members), old)
	violations := policy.deny with input as gated(fixture.by(request, "alice", []))
	count(violations) == count_of_violations
}

test_a_source_in_a_gated_namespace_is_its_controllers if {
	source := object.union(object_of(artifact("sha256:b")), {"kind": "GitRepository"})
	allowed := policy.deny with input as gated(fixture.by(fixture.create(source), "system:serviceaccount:flux-system:source-controller", []))
	allowed == set()
	forged := policy.deny with input as gated(fixture.by(fixture.create(source), "alice", []))
	fixture.paths(forged) == {"/status/artifact"}
	deleted := policy.deny with input as gated(fixture.by(fixture.delete(source), "alice", []))
	deleted == set()
}

test_an_artifact_without_a_digest_is_called_so if {
	violations := policy.deny with input as fixture.by(change({}, {"url": "b"}), "alice", [])
	{violation.details.digest | some violation in violations} == {"an archive without a digest"}
}
