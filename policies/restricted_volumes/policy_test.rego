package lockkeeper.restricted_volumes_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.restricted_volumes as policy

with_volumes(volumes) := fixture.pod({"volumes": volumes})

test_a_volume_of_another_type_is_warned_of if {
	violations := policy.warn with input as with_volumes([
		{"name": "cache", "emptyDir": {}},
		{"name": "data", "nfs": {"server": "nfs.example.com", "path": "/data"}},
	])
	violations == {{
		"msg": `volume "data" is of the type nfs`,
		"path": "/spec/volumes/1/nfs",
		"details": {"volume": "data", "type": "nfs"},
		"remedy": {"text": "use a persistentVolumeClaim, csi or ephemeral volume instead"},
	}}
}

test_this_type_is_denied_or_warned_of[type] if {
	some type in [
		"awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc", "flexVolume", "flocker",
		"gcePersistentDisk", "gitRepo", "glusterfs", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume",
		"quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume", "aTypeOfTheFuture",
	]
	violations := policy.warn with input as with_volumes([{"name": "data", type: {}}])
	fixture.paths(violations) == {concat("", ["/spec/volumes/0/", type])}
}

test_this_type_is_allowed[type] if {
	some type in [
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
		"secret",
	]
	violations := policy.warn with input as with_volumes([{"name": "data", type: {}}])
	violations == set()
}

test_this_is_allowed[name] if {
	some name, volumes in {
		"none": [],
		"a volume without a type is an emptyDir": [{"name": "data"}],
		"null is no type": [{"name": "data", "nfs": null}],
		"hostPath is the other policy's matter": [{"name": "data", "hostPath": {"path": "/data"}}],
		"no list": {"name": "data", "nfs": {}},
		"strings and null": ["nfs", null],
	}
	violations := policy.warn with input as with_volumes(volumes)
	violations == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"volumes": [{"name": "data", "iscsi": {"lun": 0}}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/volumes/0/iscsi"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"volumes": [{"name": "data", "nfs": {}}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/volumes/0/nfs"])}
}

test_the_restricted_level_denies_it_and_the_baseline_level_does_not if {
	bad := with_volumes([{"name": "data", "nfs": {}}])
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "restricted"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline", "warn": "baseline"})
	allowed | silent == set()
}
