# METADATA
# title: CronJobs that pile up
# description: |
#   A CronJob that starts every minute and allows its runs to overlap makes new pods for as long as the old ones hang: a slow
#   database at night is a full cluster in the morning. Intruders like the same schedule to come back with.
# custom:
#   severity: low
#   controls: ["MITRE:T1053.007"]
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#concurrency-policy
#   match:
#     kinds:
#       - apiGroups: [batch]
#         kinds: [CronJob]
#   parameters:
#     # Runs that start more often than this many minutes apart must not overlap.
#     minMinutes: 5
package lockkeeper.cron_job_overlap

warn contains violation if {
	_allows_overlap
	_is_started
	interval := _minutes(input.review.object.spec.schedule)
	interval < _min_minutes
	not input.review.object.spec.jobTemplate.spec.activeDeadlineSeconds
	violation := {
		"msg": sprintf("this CronJob starts again within %v min, whether the runs before have ended or not", [interval]),
		"path": "/spec/schedule",
		"details": {"schedule": input.review.object.spec.schedule},
		"remedy": {
			"text": "set concurrencyPolicy to Forbid, or give the Job an activeDeadlineSeconds",
			"patch": [{"op": "add", "path": "/spec/concurrencyPolicy", "value": "Forbid"}],
		},
	}
}

# Allow is the default.
_allows_overlap if object.get(input.review.object.spec, "concurrencyPolicy", "Allow") in {"Allow", "", null}

_is_started if not input.review.object.spec.suspend == true

# How many minutes lie between two starts within an hour, from the first field: `*`, `*/n`, or a list in steps.
_minutes(schedule) := 1 if {
	is_string(schedule)
	fields := _fields(schedule)
	fields[1] == "*"
	fields[0] in {"*", "*/1", "0-59", "0/1"}
}

_minutes(schedule) := minutes if {
	is_string(schedule)
	fields := _fields(schedule)
	fields[1] == "*"
	startswith(fields[0], "*/")
	step := substring(fields[0], 2, -1)
	not regex.match(`[^0-9]`, step)
	minutes := to_number(step)
	minutes > 1
}

_minutes(schedule) := minutes if {
	is_string(schedule)
	startswith(schedule, "@every ")
	text := substring(schedule, 7, -1)
	endswith(text, "m")
	number := trim_suffix(text, "m")
	not regex.match(`[^0-9]`, number)
	minutes := to_number(number)
}

_minutes(schedule) := 1 if {
	is_string(schedule)
	startswith(schedule, "@every ")
	endswith(schedule, "s")
	not contains(substring(schedule, 7, -1), "h")
	not contains(substring(schedule, 7, -1), "m")
}

# A time zone may stand before the fields.
_fields(schedule) := [field |
	some field in split(trim_space(schedule), " ")
	field != ""
	not startswith(field, "TZ=")
	not startswith(field, "CRON_TZ=")
]

default _min_minutes := 5

_min_minutes := input.parameters.minMinutes if is_number(input.parameters.minMinutes)
