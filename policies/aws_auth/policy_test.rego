package lockkeeper.aws_auth_test

import data.lockkeeper.aws_auth as policy
import data.lockkeeper.lib.fixture

config_map(content) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"}, "data": content}

parameters := {"groups": ["system:masters"]}

create(content) := fixture.with_parameters(fixture.create(config_map(content)), parameters)

update(old, new) := fixture.with_parameters(fixture.update(config_map(new), config_map(old)), parameters)

role(name, group) := concat("", ["- rolearn: arn:aws:iam::111122223333:role/", name, "\n  username: x\n  groups:\n    - ", group, "\n"])

test_a_new_administrator_is_denied if {
	violations := policy.deny with input as create({"mapRoles": concat("", [role("nodes", "system:nodes"), role("visitor", "system:masters")])})
	violations == {{
		"msg": "mapRoles maps arn:aws:iam::111122223333:role/visitor to system:masters: that identity may do everything in the cluster",
		"path": "/data/mapRoles",
		"details": {"identity": "arn:aws:iam::111122223333:role/visitor", "group": "system:masters"},
		"remedy": {"text": "map the identity to a group of your own, and bind that to the roles it needs"},
	}}
}

test_forms_of_the_list[name] if {
	some name, [text, identities] in {
		"JSON": [
			`[{"userarn":"arn:aws:iam::1:user/a","groups":["team"]},{"userarn":"arn:aws:iam::1:user/b","groups":["system:masters"]}]`,
			{"arn:aws:iam::1:user/b"},
		],
		"flow in YAML": ["- {userarn: 'arn:aws:iam::1:user/a', groups: [system:masters]}\n", {"arn:aws:iam::1:user/a"}],
		"the groups first": ["- groups: [system:masters]\n  userarn: arn:aws:iam::1:user/a\n", {"arn:aws:iam::1:user/a"}],
		"no arn": ["- groups: [system:masters]\n", {"an identity"}],
		"nobody": ["[]", set()],
		"empty": ["", set()],
	}
	violations := policy.deny with input as create({"mapUsers": text})
	{violation.details.identity | some violation in violations} == identities
}

test_an_administrator_that_was_there_is_not_judged if {
	violations := policy.deny with input as update(
		{"mapRoles": role("admin", "system:masters")},
		{"mapRoles": concat("", [role("nodes", "system:nodes"), role("admin", "system:masters"), "\n"])},
	)
	violations == set()
}

test_an_identity_that_becomes_one_is_denied if {
	violations := policy.deny with input as update({"mapRoles": role("shop", "team-shop")}, {"mapRoles": role("shop", "system:masters")})
	count(violations) == 1
}

test_a_first_user_map_is_judged if {
	violations := policy.deny with input as update({}, {"mapUsers": role("shop", "system:masters")})
	count(violations) == 1
}

test_other_config_maps_and_garbage_are_not_judged[name] if {
	some name, object_under_review in {
		"another name": object.union(config_map({"mapRoles": role("a", "system:masters")}), {"metadata": {"name": "aws-auth-backup"}}),
		"another key": config_map({"notes": role("a", "system:masters")}),
		"null": config_map(null),
		"a number": config_map({"mapRoles": 3}),
	}
	violations := policy.deny with input as fixture.with_parameters(fixture.create(object_under_review), parameters)
	violations == set()
}
