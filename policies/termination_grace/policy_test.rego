package lockkeeper.termination_grace_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.termination_grace as policy

warned(seconds) := violations if {
	violations := policy.warn with input as fixture.pod({"terminationGracePeriodSeconds": seconds})
}

test_no_grace_is_a_warning_with_a_patch if {
	warned(0) == {{
		"msg": "terminationGracePeriodSeconds is 0: the processes are killed without being asked to end",
		"path": "/spec/terminationGracePeriodSeconds",
		"details": {"terminationGracePeriodSeconds": 0},
		"remedy": {
			"text": "leave it out (30 seconds), or name what the program needs to end its work",
			"patch": [{"op": "remove", "path": "/spec/terminationGracePeriodSeconds"}],
		},
	}}
}

test_a_very_long_one_is_a_warning if {
	fixture.messages(warned(86400)) == {"terminationGracePeriodSeconds is 86400: more than 3600 keep nodes from being drained"}
}

test_these_are_allowed[name] if {
	some name, seconds in {"one": 1, "the default": 30, "an hour": 3600, "null": null, "a text": "0"}
	warned(seconds) == set()
}

test_an_absent_one_is_thirty_seconds if {
	violations := policy.warn with input as fixture.pod({"containers": []})
	violations == set()
}

test_jobs_may_take_long_but_are_asked if {
	long := policy.warn with input as fixture.cron_job({"terminationGracePeriodSeconds": 86400})
	long == set()
	none := policy.warn with input as fixture.cron_job({"terminationGracePeriodSeconds": 0})
	fixture.paths(none) == {"/spec/jobTemplate/spec/template/spec/terminationGracePeriodSeconds"}
}

test_parameters_move_the_maximum if {
	object := fixture.with_parameters(fixture.pod({"terminationGracePeriodSeconds": 601}), {"maxSeconds": 600})
	violations := policy.warn with input as object
	count(violations) == 1
	excused := fixture.with_parameters(fixture.pod({"terminationGracePeriodSeconds": 601}), {"maxSeconds": 600, "longRunningKinds": ["Pod"]})
	other := policy.warn with input as excused
	other == set()
}
