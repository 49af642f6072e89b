# METADATA
# title: aws-auth makes an administrator
# description: |
#   The ConfigMap aws-auth of an EKS cluster turns identities of AWS into users and groups. One that is mapped to
#   system:masters is above RBAC, and nobody sees it among the bindings.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.7", "MITRE:T1098.006"]
#   # Clusters have such entries: what was there before must not block the next node role.
#   ratchet: true
#   docs: https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [ConfigMap]
#     namespaces: [kube-system]
#   parameters:
#     groups: ["system:masters"]
package lockkeeper.aws_auth

deny contains violation if {
	input.review.name == "aws-auth"
	some key in ["mapRoles", "mapUsers"]
	text := input.review.object.data[key]
	is_string(text)
	some group in input.parameters.groups
	some entry in _entries(text)
	contains(entry, group)
	not _had(key, entry)
	violation := {
		"msg": sprintf("%s maps %s to %s: that identity may do everything in the cluster", [key, _identity(entry), group]),
		"path": concat("", ["/data/", key]),
		"details": {"identity": _identity(entry), "group": group},
		"remedy": {"text": "map the identity to a group of your own, and bind that to the roles it needs"},
	}
}

# The items of the list, written as YAML or as JSON; a YAML parser is not needed to tell which of them are new.
_entries(text) := [entry |
	some part in split(concat("", ["\n", text]), "\n-")
	some entry in split(part, "},")
]

_had(key, entry) if {
	old := input.review.oldObject.data[key]
	is_string(old)
	some other in _entries(old)
	trim_space(other) == trim_space(entry)
}

# The text from `arn:aws` to the end of the word, if there is one.
default _identity(_) := "an identity"

_identity(entry) := arn if {
	start := indexof(entry, "arn:aws")
	start >= 0
	rest := substring(entry, start, -1)
	arn := trim(split(split(split(rest, "\n")[0], ",")[0], " ")[0], `"'`)
}
