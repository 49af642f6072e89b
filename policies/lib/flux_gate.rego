# METADATA
# title: What goes through the Flux gate
# description: |
#   The parameter gatedNamespaces names namespaces whose Flux objects, and what Flux has put there, go through the gate;
#   a `*` at the end stands for any ending, and "*" alone for everything, cluster-scoped objects too.
package lockkeeper.lib.flux_gate

covers(namespace) if {
	is_string(namespace)
	some entry in input.parameters.gatedNamespaces
	_matches(entry, namespace)
}

_matches(entry, namespace) if entry == namespace

_matches(entry, namespace) if {
	endswith(entry, "*")
	startswith(namespace, trim_suffix(entry, "*"))
}

# The namespace of the request; "" for what is in none.
default namespace := ""

namespace := input.review.namespace if is_string(input.review.namespace)

# A Flux object in a gated namespace.
is_gated if {
	_is_of_flux
	covers(namespace)
}

_is_of_flux if endswith(input.review.kind.group, ".toolkit.fluxcd.io")

_is_of_flux if {
	input.review.kind.group == "lockkeeper.dev"
	input.review.kind.kind == "ArtifactGate"
}

# An object in a gated namespace, or one that a Kustomization or HelmRelease of a gated namespace has put somewhere, which
# Flux says in labels. Those that it had count as well as those that it gets.
is_fed if covers(namespace)

is_fed if {
	some reviewed in [input.review.object, input.review.oldObject]
	some tool in ["kustomize", "helm"]
	covers(reviewed.metadata.labels[concat("", [tool, ".toolkit.fluxcd.io/namespace"])])
}
