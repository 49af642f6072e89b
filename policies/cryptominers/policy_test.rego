package lockkeeper.cryptominers_test

import data.lockkeeper.cryptominers as policy
import data.lockkeeper.lib.fixture

denied(members) := violations if {
	violations := policy.deny with input as fixture.container(members)
}

test_the_protocol_of_a_pool_is_denied if {
	denied({"args": ["-o", "stratum+tcp://pool.example:443", "-u", "wallet"]}) == {{
		"msg": `container "web": args looks like the start of a cryptocurrency miner (stratum+tcp:)`,
		"path": "/spec/containers/0/args",
		"details": {"container": "web", "field": "args", "word": "stratum+tcp:"},
		"remedy": {"text": "do not run it; find out who made this change and what else that account changed"},
	}}
}

test_the_name_of_a_miner_is_denied if {
	violations := denied({"image": "example/XMRig:6"})
	fixture.paths(violations) == {"/spec/containers/0/image"}
	{violation.details.word | some violation in violations} == {"xmrig"}
}

test_this_gives_a_miner_away[name] if {
	some name, members in {
		"a command line": {"command": ["sh", "-c", "./xmrig --url pool.example"]},
		"an option": {"args": ["--donate-level", "1"]},
		"a pool in a variable": {"env": [{"name": "POOL", "value": "POOL.SupportXMR.com:443"}]},
		"an image": {"image": "kannix/monero-miner"},
	}
	count(denied(members)) == 1
}

test_this_is_no_miner[name] if {
	some name, members in {
		"a data miner": {"image": "shop/data-miner:1.0", "args": ["--miner=rules"]},
		"a mineral": {"image": "shop/minerals:1.0"},
		"an XMR file": {"args": ["--file=report.xmr"]},
		"a stratum of rocks": {"args": ["--stratum=2"]},
		"wrong types": {"args": "stratum+tcp://pool", "command": {"a": "xmrig"}, "env": [null, "x", {"name": "A"}]},
		"nothing": {},
	}
	denied(members) == set()
}

test_an_image_volume_is_looked_at if {
	violations := policy.deny with input as fixture.pod({"volumes": [{"name": "m", "image": {"reference": "example/xmrig:6"}}]})
	fixture.paths(violations) == {"/spec/volumes/0/image/reference"}
}

test_parameters_allow_words if {
	object := fixture.with_parameters(fixture.container({"image": "shop/monero-exporter:1"}), {"allowedWords": ["monero"]})
	violations := policy.deny with input as object
	violations == set()
}

test_ephemeral_and_init_containers_are_looked_at if {
	miner := {"name": "m", "args": ["stratum+ssl://pool.example"]}
	violations := policy.deny with input as fixture.pod({"initContainers": [miner], "ephemeralContainers": [miner]})
	fixture.paths(violations) == {"/spec/initContainers/0/args", "/spec/ephemeralContainers/0/args"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"image": "x/xmrig:1"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/image"])}
}
