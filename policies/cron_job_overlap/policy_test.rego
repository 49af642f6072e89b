package lockkeeper.cron_job_overlap_test

import data.lockkeeper.cron_job_overlap as policy
import data.lockkeeper.lib.fixture

cron_job(members) := fixture.create({
	"apiVersion": "batch/v1",
	"kind": "CronJob",
	"metadata": {"name": "sync", "namespace": "shop"},
	"spec": object.union({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}}, members),
})

warned(members) := violations if {
	violations := policy.warn with input as cron_job(members)
}

test_every_minute_with_overlap_is_a_warning_with_a_patch if {
	warned({}) == {{
		"msg": "this CronJob starts again within 1 min, whether the runs before have ended or not",
		"path": "/spec/schedule",
		"details": {"schedule": "* * * * *"},
		"remedy": {
			"text": "set concurrencyPolicy to Forbid, or give the Job an activeDeadlineSeconds",
			"patch": [{"op": "add", "path": "/spec/concurrencyPolicy", "value": "Forbid"}],
		},
	}}
}

test_these_schedules_start_too_often[schedule] if {
	some schedule in ["*/1 * * * *", " *  * * * *", "*/4 * * * *", "0-59 * * * *", "TZ=UTC * * * * *", "CRON_TZ=UTC */2 * * * *", "@every 1m", "@every 30s", "*/2 * * * 1-5"]
	count(warned({"schedule": schedule})) == 1
}

test_these_schedules_are_allowed[schedule] if {
	some schedule in ["*/5 * * * *", "0 3 * * *", "* 3 * * *", "@hourly", "@every 1h", "@every 5m", "@every 1h30m", "15,45 * * * *", "*/x * * * *", "", "*"]
	warned({"schedule": schedule}) == set()
}

# Allow is the default that the API server writes.
test_overlap_is_the_default[name] if {
	some name, policy_of_it in {"explicit": "Allow", "null": null}
	count(warned({"concurrencyPolicy": policy_of_it})) == 1
}

test_this_ends_the_overlap[name] if {
	some name, members in {
		"forbidden": {"concurrencyPolicy": "Forbid"},
		"replaced": {"concurrencyPolicy": "Replace"},
		"suspended": {"suspend": true},
		"a deadline": {"jobTemplate": {"spec": {"activeDeadlineSeconds": 50}}},
	}
	warned(members) == set()
}

test_parameters_move_the_limit if {
	object := fixture.with_parameters(cron_job({"schedule": "*/10 * * * *"}), {"minMinutes": 15})
	violations := policy.warn with input as object
	count(violations) == 1
}
