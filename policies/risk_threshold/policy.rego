# METADATA
# title: Risk threshold
# description: |
#   The risk model compares the object, or the change to it, with what is known to be harmless and what attacks look
#   like. An elevated score is a warning; a high one stops the change until a person has looked, where a grave violation
#   stands beside it or hardly any harmless object scores as high.
# custom:
#   severity: high
#   controls: []
#   stage: last
#   approvable: true
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # Scores from 0 to 1; null: where the bands elevated and high begin for the kind.
#     warn: null
#     deny: null
#     # The share of harmless objects scoring as high up to which a high score needs no violation beside it.
#     maxPValue: 0.001
#     # Other values for some namespaces (a name may end in `*`) or provenance classes; the first entry that fits counts:
#     # {namespaces: ["team-*"], classes: [out-of-band-unmanaged], warn: 0.5, deny: 0.8, maxPValue: 0.005}
#     where: []
package lockkeeper.risk_threshold

deny contains _violation("deny", "high", "") if {
	_is_high
	_is_backed
}

warn contains _violation("deny", "high", ", but nothing else speaks against it") if {
	_is_high
	not _is_backed
}

warn contains _violation("warn", "elevated", "") if {
	_is_elevated
	not _is_high
}

_violation(limit, band, addition) := {
	"msg": sprintf("risk score %v is %s%s%s", [_rounded(input.risk.score), _standing(limit, band), addition, _reasons]),
	"path": _path,
	"details": {
		"score": _rounded(input.risk.score),
		"band": band,
		"pValue": _rounded(object.get(input.risk, "pValue", null)),
		"beside": _grave,
	},
	"remedy": {"text": "take out what raised the score, or have somebody who knows the change approve it"},
}

_standing(limit, _) := sprintf("at or above %v", [_limit(limit)])

_standing(limit, band) := sprintf("%s for the kind %s", [band, input.review.kind.kind]) if not _limit(limit)

_is_high if _reaches("deny", {"high"})

_is_elevated if _reaches("warn", {"elevated", "high"})

_reaches(limit, _) if {
	is_number(input.risk.score)
	input.risk.score >= _limit(limit)
}

_reaches(limit, bands) if {
	is_number(input.risk.score)
	not _limit(limit)
	input.risk.band in bands
}

_is_backed if count(_grave) > 0

_is_backed if {
	is_number(input.risk.pValue)
	input.risk.pValue <= _max_p_value
}

# The policies whose violations are grave enough to stand beside a high score.
_grave := sort({violation.policy |
	some violation in input.violations
	violation.severity in {"high", "critical"}
})

default _max_p_value := 0.001

_max_p_value := _limit("maxPValue")

# What counts here: the first entry for this namespace and provenance, then what is said for all.
_limit(name) := value if {
	value := _fitting[0][name]
	is_number(value)
} else := value if {
	value := input.parameters[name]
	is_number(value)
}

_fitting := [entry |
	some entry in input.parameters.where
	is_object(entry)
	_is_for_namespace(entry)
	_is_for_class(entry)
]

_is_for_namespace(entry) if not "namespaces" in object.keys(entry)

_is_for_namespace(entry) if input.review.namespace in entry.namespaces

_is_for_namespace(entry) if {
	some pattern in entry.namespaces
	endswith(pattern, "*")
	startswith(input.review.namespace, trim_suffix(pattern, "*"))
}

_is_for_class(entry) if not "classes" in object.keys(entry)

_is_for_class(entry) if input.provenance.class in entry.classes

_rounded(value) := round(value * 10000) / 10000 if {
	is_number(value)
} else := null

default _reasons := ""

_reasons := concat("", [": ", concat("; ", texts)]) if {
	texts := [contribution.text | some contribution in array.slice(_top, 0, 3)]
	count(texts) > 0
}

default _path := ""

_path := path if {
	path := _top[0].paths[0]
	is_string(path)
}

# What raised the score, the largest contribution first.
_top := [entry[2] | some entry in sort(_raising)]

_raising := [[rank, i, contribution] |
	some i, contribution in input.risk.contributions
	is_string(contribution.text)
	is_number(contribution.contribution)
	contribution.contribution > 0
	rank := 0 - contribution.contribution
]
