# METADATA
# title: Who asks
# description: |
#   What the API server has authenticated about the requester. Field managers, annotations and user agents are the
#   requester's own words, and are not looked at.
package lockkeeper.lib.actor

default username := ""

username := input.review.userInfo.username if is_string(input.review.userInfo.username)

# The requester in the words of parameters: User:alice, Group:developers, ServiceAccount:argocd/argocd-server.
keys contains concat("", ["User:", username]) if not is_service_account

keys contains concat("", ["ServiceAccount:", parts[2], "/", parts[3]]) if {
	is_service_account
	parts := split(username, ":")
	count(parts) == 4
}

keys contains concat("", ["Group:", group]) if {
	is_array(input.review.userInfo.groups)
	some group in input.review.userInfo.groups
	is_string(group)
}

is_service_account if startswith(username, "system:serviceaccount:")

# The control plane itself, the controllers in it and what runs beside it.
is_system if username in _components

is_system if startswith(username, "system:serviceaccount:kube-system:")

_components := {
	"system:apiserver",
	"system:kube-controller-manager",
	"system:kube-scheduler",
	"system:cloud-controller-manager",
	"system:addon-manager",
}

# A kubelet.
is_node if {
	startswith(username, "system:node:")
	"Group:system:nodes" in keys
}

# Neither a part of the cluster nor a program with an account of its own: somebody with kubectl or a stolen kubeconfig.
is_person if {
	not is_service_account
	not is_system
	not is_node
}

# Whether a list of such words names the requester; a `*` at the end of one stands for any ending.
is_one_of(list) if {
	some entry in list
	entry in keys
}

is_one_of(list) if {
	some entry in list
	endswith(entry, "*")
	prefix := trim_suffix(entry, "*")
	some key in keys
	startswith(key, prefix)
}

# Who brings what was reviewed in Git into the cluster.
is_deployer if is_one_of(input.parameters.deployers)

# Whose changes are taken for granted: the cluster itself, the deployers and who the parameter exemptSubjects names.
is_trusted if is_system

is_trusted if is_deployer

is_trusted if is_exempt

is_exempt if is_one_of(input.parameters.exemptSubjects)

# How messages call the requester.
label := sprintf("the service account %s", [trim_prefix(username, "system:serviceaccount:")]) if is_service_account

label := sprintf("the user %q", [username]) if not is_service_account
