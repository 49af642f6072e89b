# METADATA
# title: AppProjects that allow everything
# description: |
#   An AppProject is what keeps one team's Applications out of another's namespaces and away from cluster-wide objects. A
#   `*` in it, or a role that may do everything, makes every Application of the project a way to the whole cluster.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:CM-5"]
#   docs: https://argo-cd.readthedocs.io/en/stable/user-guide/projects/
#   match:
#     kinds:
#       - apiGroups: [argoproj.io]
#         kinds: [AppProject]
#   parameters:
#     # Projects of the people who run the cluster.
#     exemptProjects: []
package lockkeeper.appproject_widened

warn contains violation if {
	not input.review.name in input.parameters.exemptProjects
	some finding in _findings(input.review.object.spec)
	not _key(finding) in _old_keys
	violation := {
		"msg": sprintf("%s%s", [finding.what, _since]),
		"path": finding.path,
		"details": {"field": finding.field, "value": finding.value},
		"remedy": {"text": finding.remedy},
	}
}

default _since := ""

_since := ", and did not before this change" if input.review.operation == "UPDATE"

default _old_keys := set()

_old_keys := {_key(finding) | some finding in _findings(input.review.oldObject.spec)}

_key(finding) := [finding.field, finding.value]

_findings(spec) := array.concat(
	array.concat(_destinations(spec), _resources(spec)),
	array.concat(array.concat(_sources(spec), _source_namespaces(spec)), _roles(spec)),
)

# Every namespace of one named cluster is usual; every namespace of every cluster, or kube-system by name, is not.
_destinations(spec) := [finding |
	some i, destination in spec.destinations
	value := _destination(destination)
	finding := {
		"what": sprintf("destination %d allows %s", [i, value]),
		"field": "destinations",
		"value": value,
		"path": concat("", ["/spec/destinations/", format_int(i, 10)]),
		"remedy": "name the clusters and namespaces that the project deploys to",
	}
]

_destination(destination) := "every namespace of every cluster" if {
	destination.namespace == "*"
	_every_cluster(destination)
}

_destination(destination) := sprintf("the namespace %s", [destination.namespace]) if {
	destination.namespace in {"kube-system", "argocd", "flux-system"}
}

_every_cluster(destination) if destination.server == "*"

_every_cluster(destination) if destination.name == "*"

_resources(spec) := [finding |
	some i, resource in spec.clusterResourceWhitelist
	resource.kind == "*"
	resource.group in {"*", "rbac.authorization.k8s.io", "admissionregistration.k8s.io"}
	value := sprintf("%s/*", [resource.group])
	finding := {
		"what": sprintf("clusterResourceWhitelist %d allows every cluster-wide kind of the group %s", [i, resource.group]),
		"field": "clusterResourceWhitelist",
		"value": value,
		"path": concat("", ["/spec/clusterResourceWhitelist/", format_int(i, 10)]),
		"remedy": "name the cluster-wide kinds that the project needs",
	}
]

# Together with an unlimited destination any repository is any manifest anywhere.
_sources(spec) := [finding |
	some i, repository in spec.sourceRepos
	repository == "*"
	count(_resources(spec)) + count(_destinations(spec)) > 0
	finding := {
		"what": sprintf("sourceRepos %d allows every repository, for destinations or kinds without limits", [i]),
		"field": "sourceRepos",
		"value": "*",
		"path": concat("", ["/spec/sourceRepos/", format_int(i, 10)]),
		"remedy": "name the repositories that the project deploys from",
	}
]

_source_namespaces(spec) := [finding |
	some i, namespace in spec.sourceNamespaces
	namespace == "*"
	finding := {
		"what": sprintf("sourceNamespaces %d lets an Application in any namespace use the project", [i]),
		"field": "sourceNamespaces",
		"value": "*",
		"path": concat("", ["/spec/sourceNamespaces/", format_int(i, 10)]),
		"remedy": "name the namespaces whose Applications belong to the project",
	}
]

# p, proj:<project>:<role>, <resource>, <action>, <object>, allow
_roles(spec) := [finding |
	some i, role in spec.roles
	some j, policy in role.policies
	parts := [trim_space(part) | some part in split(policy, ",")]
	parts[0] == "p"
	parts[3] == "*"
	parts[5] == "allow"
	finding := {
		"what": sprintf("role %q may do everything with %s of the project, to exec into its pods as well", [role.name, parts[2]]),
		"field": "roles",
		"value": policy,
		"path": concat("", ["/spec/roles/", format_int(i, 10), "/policies/", format_int(j, 10)]),
		"remedy": "name the actions that the role needs: get, sync",
	}
]
