# METADATA
# title: Risk threshold
# description: |
#   The risk model compares the object, or the change to it, with what is known to be harmless and what attacks look
#   like. A very high score stops the change until a person has looked; without a score this policy says nothing.
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
#     deny: 0.9
#     warn: 0.6
package lockkeeper.risk_threshold

deny contains _violation(_deny_threshold) if {
	is_number(input.risk.score)
	input.risk.score >= _deny_threshold
}

warn contains _violation(_warn_threshold) if {
	is_number(input.risk.score)
	input.risk.score >= _warn_threshold
	input.risk.score < _deny_threshold
}

_violation(threshold) := {
	"msg": sprintf("risk score %v is at or above %v%s", [score, threshold, _reasons]),
	"path": _path,
	"details": {"score": score, "threshold": threshold},
	"remedy": {"text": "take out what raised the score, or have somebody who knows the change approve it"},
} if {
	score := round(input.risk.score * 10000) / 10000
}

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

default _deny_threshold := 0.9

_deny_threshold := input.parameters.deny if is_number(input.parameters.deny)

default _warn_threshold := 0.6

_warn_threshold := input.parameters.warn if is_number(input.parameters.warn)
