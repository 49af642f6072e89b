package lockkeeper.gitops_muted_test

import data.lockkeeper.gitops_muted as policy
import data.lockkeeper.lib.fixture

annotations := {
	"kustomize.toolkit.fluxcd.io/reconcile": ["disabled"],
	"argocd.argoproj.io/sync-options": ["Prune=false", "Delete=false"],
}

parameters := {"annotations": annotations, "deployers": ["ServiceAccount:argocd/*"], "exemptSubjects": []}

config_map(marks) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "annotations": marks}}

create(marks) := fixture.with_parameters(fixture.create(config_map(marks)), parameters)

update(old, new) := fixture.with_parameters(fixture.update(config_map(new), config_map(old)), parameters)

reconcile := "kustomize.toolkit.fluxcd.io/reconcile"

options := "argocd.argoproj.io/sync-options"

test_an_annotation_set_by_hand_is_a_warning if {
	warnings := policy.warn with input as fixture.by(update({}, {reconcile: "disabled"}), "alice", [])
	warnings == {{
		"msg": `the user "alice" sets kustomize.toolkit.fluxcd.io/reconcile to "disabled": what is changed here is no longer corrected from Git`,
		"path": "/metadata/annotations/kustomize.toolkit.fluxcd.io~1reconcile",
		"details": {"annotation": reconcile, "value": "disabled"},
		"remedy": {"text": "set the annotation in Git, where it is reviewed, or suspend the sync as a whole"},
	}}
}

test_an_annotation_from_Git_is_not_judged[username] if {
	some username in ["system:serviceaccount:argocd:argocd-application-controller", "system:serviceaccount:kube-system:deployment-controller"]
	warnings := policy.warn with input as fixture.by(create({reconcile: "disabled"}), username, [])
	warnings == set()
}

test_an_account_of_an_application_is_no_deployer if {
	warnings := policy.warn with input as fixture.by(create({reconcile: "disabled"}), "system:serviceaccount:ci:deployer", [])
	count(warnings) == 1
}

test_labels_of_Flux_and_other_cases_mute_as_well if {
	request := fixture.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "labels": {reconcile: "Disabled"}}})
	warnings := policy.warn with input as fixture.by(fixture.with_parameters(request, parameters), "alice", [])
	fixture.paths(warnings) == {"/metadata/labels/kustomize.toolkit.fluxcd.io~1reconcile"}
	{violation.details.value | some violation in warnings} == {"disabled"}
}

test_one_element_of_a_list_is_enough if {
	warnings := policy.warn with input as fixture.by(create({options: "ServerSideApply=true, Prune=false"}), "alice", [])
	{violation.details.value | some violation in warnings} == {"Prune=false"}
}

test_values_that_do_not_mute[name] if {
	some name, marks in {
		"another value": {reconcile: "enabled"},
		"a longer one": {options: "Prune=falsey"},
		"another annotation": {"example.com/reconcile": "disabled"},
		"none": null,
		"a number": {reconcile: 3},
	}
	warnings := policy.warn with input as fixture.by(create(marks), "alice", [])
	warnings == set()
}

test_what_was_muted_before_is_not_judged if {
	warnings := policy.warn with input as fixture.by(update({options: "Prune=false"}, {options: "Delete=false,Prune=false"}), "alice", [])
	{violation.details.value | some violation in warnings} == {"Delete=false"}
}

gated(request) := fixture.with_parameters(fixture.with_review(request, {"namespace": "shop"}), {"gatedNamespaces": ["shop"]})

test_hiding_from_the_Flux_gate_is_denied[name] if {
	some name, request in {
		"when it is created": create({reconcile: "disabled"}),
		"later": update({}, {reconcile: "disabled"}),
	}
	violations := policy.deny with input as gated(fixture.by(request, "alice", []))
	fixture.paths(violations) == {"/metadata/annotations/kustomize.toolkit.fluxcd.io~1reconcile"}
	warnings := policy.warn with input as gated(fixture.by(request, "alice", []))
	warnings == set()
}

test_hiding_what_a_gated_Kustomization_has_put_elsewhere_is_denied if {
	owned := {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/namespace": "shop"}}}
	request := fixture.with_parameters(fixture.update(object.union(config_map({reconcile: "disabled"}), owned), object.union(config_map({}), owned)), parameters)
	gated_request := fixture.with_parameters(request, {"gatedNamespaces": ["shop"]})
	violations := policy.deny with input as fixture.by(gated_request, "alice", [])
	count(violations) == 1
}

test_hiding_from_Argo_CD_is_a_warning_there_too if {
	violations := policy.deny with input as gated(fixture.by(create({options: "Prune=false"}), "alice", []))
	violations == set()
	warnings := policy.warn with input as gated(fixture.by(create({options: "Prune=false"}), "alice", []))
	count(warnings) == 1
}

test_what_a_deployer_hides_from_the_gate_is_reviewed if {
	request := gated(fixture.by(create({reconcile: "disabled"}), "system:serviceaccount:argocd:argocd-application-controller", []))
	violations := policy.deny with input as request
	violations == set()
}

test_a_deleted_object_is_not_judged if {
	request := fixture.with_parameters(fixture.delete(config_map({reconcile: "disabled"})), parameters)
	warnings := policy.warn with input as fixture.by(request, "alice", [])
	warnings == set()
}
