package lockkeeper.token_lifetime_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.token_lifetime as policy

volumes(seconds) := {"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "cloud", "projected": {"sources": [
	{"configMap": {"name": "x"}},
	{"serviceAccountToken": {"path": "token", "audience": "cloud.example.com", "expirationSeconds": seconds}},
]}}]}

warned(spec) := violations if {
	violations := policy.warn with input as fixture.pod(spec)
}

test_a_long_lifetime_is_a_warning_with_a_patch if {
	path := "/spec/volumes/1/projected/sources/1/serviceAccountToken/expirationSeconds"
	warned(volumes(31536000)) == {{
		"msg": `volume "cloud": the token is good for 31536000 seconds, more than 86400`,
		"path": path,
		"details": {"volume": "cloud", "expirationSeconds": 31536000},
		"remedy": {
			"text": "leave expirationSeconds out: an hour is the default, and the kubelet renews the token",
			"patch": [{"op": "remove", "path": path}],
		},
	}}
}

test_these_lifetimes_are_allowed[seconds] if {
	some seconds in [600, 3600, 3607, 86400]
	warned(volumes(seconds)) == set()
}

test_one_second_more_is_a_warning if {
	count(warned(volumes(86401))) == 1
}

test_this_is_allowed[name] if {
	some name, spec in {
		"no lifetime": {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
		"null": volumes(null),
		"no volumes": {},
		"wrong types": {"volumes": ["x", null, {"projected": {"sources": {"serviceAccountToken": {"expirationSeconds": 99999999}}}}]},
	}
	warned(spec) == set()
}

test_parameters_move_the_limit if {
	violations := policy.warn with input as fixture.with_parameters(fixture.pod(volumes(7200)), {"maxExpirationSeconds": 3607})
	count(violations) == 1
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job(volumes(31536000))
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/volumes/1/projected/sources/1/serviceAccountToken/expirationSeconds"}
}
