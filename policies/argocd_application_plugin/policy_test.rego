package lockkeeper.argocd_application_plugin_test

import data.lockkeeper.argocd_application_plugin as policy
import data.lockkeeper.lib.fixture

object_of(kind, spec) := {
	"apiVersion": "argoproj.io/v1alpha1",
	"kind": kind,
	"metadata": {"name": "shop", "namespace": "argocd"},
	"spec": spec,
}

application(spec) := gated(fixture.create(object_of("Application", spec)))

application_set(spec) := gated(fixture.create(object_of("ApplicationSet", spec)))

gated(request) := fixture.with_parameters(request, {"gatedProjects": ["*"]})

plain := {"repoURL": "https://git.example.com/shop.git", "path": "envs/prod"}

guarded := object.union(plain, {"plugin": {"name": "lockkeeper-v1"}})

test_a_source_without_the_plugin_is_denied if {
	violations := policy.deny with input as application({"project": "shop", "source": plain})
	violations == {{
		"msg": "/spec/source has no plugin: what it renders is synced unjudged",
		"path": "/spec/source",
		"details": {"plugin": "lockkeeper-v1"},
		"remedy": {"text": "set plugin.name to lockkeeper-v1 in this source"},
	}}
}

test_a_source_with_the_plugin_is_allowed if {
	violations := policy.deny with input as application({"source": guarded})
	violations == set()
}

test_another_plugin_is_denied[name] if {
	some name, [plugin, problem] in {
		"by name": [{"name": "helmfile"}, `/spec/source uses the plugin "helmfile", not "lockkeeper-v1": what it renders is synced unjudged`],
		"found by discovery": [{}, "/spec/source has no plugin: what it renders is synced unjudged"],
		"null": [null, "/spec/source has no plugin: what it renders is synced unjudged"],
		"a string": ["lockkeeper-v1", "/spec/source has no plugin: what it renders is synced unjudged"],
	}
	violations := policy.deny with input as application({"source": object.union(plain, {"plugin": plugin})})
	fixture.messages(violations) == {problem}
}

test_each_of_several_sources_is_judged if {
	violations := policy.deny with input as application({
		"source": plain,
		"sources": [guarded, plain, {"repoURL": "https://charts.example.com", "chart": "redis", "ref": "redis"}],
	})
	fixture.paths(violations) == {"/spec/sources/1", "/spec/sources/2"}
}

test_a_source_that_only_lends_its_files_is_allowed if {
	violations := policy.deny with input as application({"sources": [guarded, {"repoURL": "https://git.example.com/values.git", "ref": "values"}]})
	violations == set()
}

test_an_empty_list_of_sources_leaves_the_single_source if {
	violations := policy.deny with input as application({"source": plain, "sources": []})
	fixture.paths(violations) == {"/spec/source"}
}

test_a_sourceHydrator_is_denied_whatever_the_source if {
	violations := policy.deny with input as application({
		"source": guarded,
		"sourceHydrator": {
			"drySource": guarded,
			"syncSource": {"targetBranch": "envs/prod", "path": "shop"},
		},
	})
	fixture.paths(violations) == {"/spec/sourceHydrator"}
}

test_a_change_that_takes_the_plugin_out_is_denied_and_says_so if {
	violations := policy.deny with input as fixture.update(
		object_of("Application", {"source": plain}),
		object_of("Application", {"source": guarded}),
	)
	fixture.messages(violations) == {"/spec/source has no plugin: what it renders is synced unjudged, and this change takes the plugin out"}
}

test_a_change_of_an_Application_that_never_had_it_says_nothing_of_that if {
	violations := policy.warn with input as fixture.update(
		object_of("Application", {"source": plain}),
		object_of("Application", {"source": plain}),
	)
	fixture.messages(violations) == {"/spec/source has no plugin: what it renders is synced unjudged"}
}

test_exempt_projects[name] if {
	some name, [spec, count_of_violations] in {
		"an exempt one": [{"project": "platform", "source": plain}, 0],
		"another": [{"project": "shop", "source": plain}, 1],
		"no project is default": [{"source": plain}, 0],
		"an empty project is default": [{"project": "", "source": plain}, 0],
	}
	violations := policy.deny with input as fixture.with_parameters(application(spec), {"exemptProjects": ["platform", "default"]})
	count(violations) == count_of_violations
}

test_parameters_name_another_plugin if {
	violations := policy.deny with input as fixture.with_parameters(
		application({"source": object.union(plain, {"plugin": {"name": "gate"}})}),
		{"pluginName": "gate"},
	)
	violations == set()
}

test_the_template_of_an_ApplicationSet_is_judged if {
	violations := policy.deny with input as application_set({"template": {"spec": {"source": plain}}})
	fixture.paths(violations) == {"/spec/template/spec/source"}
	guarded_one := policy.deny with input as application_set({"template": {"spec": {"source": guarded}}, "generators": [{"list": {}}]})
	guarded_one == set()
}

test_the_template_of_a_generator_is_laid_over_that_of_the_set if {
	violations := policy.deny with input as application_set({
		"template": {"spec": {"source": guarded}},
		"generators": [
			{"git": {"template": {"metadata": {}, "spec": {"project": "other"}}}},
			{"list": {"template": {"spec": {"source": {"plugin": {"name": "helmfile"}}}}}},
			{"list": {"template": {"spec": {"source": {"path": "envs/dev"}}}}},
			{"matrix": {"generators": [
				{"clusters": {"template": {"spec": {"sources": [plain]}}}},
				{"list": {}},
			]}},
		],
	})
	fixture.paths(violations) == {
		"/spec/generators/1/list/template/spec/source",
		"/spec/generators/3/matrix/generators/0/clusters/template/spec/sources/0",
	}
}

test_a_templatePatch_that_may_take_the_plugin_out[name] if {
	some name, [patch, count_of_violations] in {
		"a source": ["spec:\n  source:\n    plugin: null\n", 1],
		"a source behind a condition": ["{{- if .plain }}\nspec:\n  sources: []\n{{- end }}\n", 1],
		"a project": ["spec:\n  project: sandbox\n", 1],
		"whatever a generator says": ["spec:\n  {{ .patch | nindent 2 }}\n", 1],
		"a key that a generator says": ["spec:\n  {{ .key }}: {}\n", 1],
		"an item that a generator says": ["spec:\n  info:\n    - {{- toYaml .info }}\n", 1],
		"labels": ["metadata:\n  labels: {a: b}\n", 0],
		"labels behind a condition": ["{{- if .a }}\nmetadata:\n  labels:\n    a: {{ .a }}\n{{- else }}\n{{- end}}\n", 0],
		"none": [null, 0],
	}
	set_with := {"template": {"spec": {"source": guarded}}, "templatePatch": patch}
	violations := policy.deny with input as application_set(set_with)
	count(violations) == count_of_violations
	every violation in violations {
		violation.path == "/spec/templatePatch"
	}
	ungated := fixture.with_parameters(application_set(set_with), {"gatedProjects": []})
	warnings := policy.warn with input as ungated
	count(warnings) == count_of_violations
	denied := policy.deny with input as ungated
	denied == set()
}

test_a_templatePatch_of_an_exempt_project_is_not_judged if {
	set_with := {"template": {"spec": {"project": "sandbox", "source": plain}}, "templatePatch": "spec:\n  source: {}\n"}
	violations := policy.deny with input as fixture.with_parameters(application_set(set_with), {"exemptProjects": ["sandbox"]})
	violations == set()
}

moved(kind, old, new, parameters) := fixture.with_parameters(fixture.update(object_of(kind, new), object_of(kind, old)), parameters)

test_an_Application_that_moves_into_an_exempt_project[name] if {
	some name, [old, new, parameters, wanted] in {
		"with the plugin": [{"project": "shop", "source": guarded}, {"project": "sandbox", "source": guarded}, {}, {"/spec/project"}],
		"without it": [{"project": "shop", "source": guarded}, {"project": "sandbox", "source": plain}, {}, {"/spec/project"}],
		"out of a gated project, never with it": [{"project": "shop", "source": plain}, {"project": "sandbox", "source": plain}, {"gatedProjects": ["shop"]}, {"/spec/project"}],
		"within exempt projects": [{"project": "sandbox", "source": guarded}, {"project": "playground", "source": plain}, {}, set()],
		"out of an exempt project": [{"project": "sandbox", "source": plain}, {"project": "shop", "source": plain}, {"gatedProjects": ["shop"]}, {"/spec/source"}],
	}
	given := object.union({"exemptProjects": ["sandbox", "playground"], "gatedProjects": []}, parameters)
	violations := policy.deny with input as moved("Application", old, new, given)
	fixture.paths(violations) == wanted
}

test_a_move_is_told_with_both_projects if {
	given := {"exemptProjects": ["sandbox"], "gatedProjects": []}
	violations := policy.deny with input as moved("Application", {"source": guarded}, {"project": "sandbox", "source": guarded}, given)
	violations == {{
		"msg": `/spec/project moves from "default" into the exempt project "sandbox", where nothing has to use the plugin`,
		"path": "/spec/project",
		"details": {"project": "sandbox"},
		"remedy": {"text": "leave it in its project, or take the project out of exemptProjects"},
	}}
}

test_a_move_without_the_plugin_between_projects_that_are_not_gated_is_a_warning if {
	given := {"exemptProjects": ["sandbox"], "gatedProjects": []}
	request := moved("Application", {"project": "shop", "source": plain}, {"project": "sandbox", "source": plain}, given)
	violations := policy.deny with input as request
	violations == set()
	warnings := policy.warn with input as request
	fixture.paths(warnings) == {"/spec/project"}
}

test_a_template_that_moves_into_an_exempt_project_is_denied if {
	given := {"exemptProjects": ["sandbox"], "gatedProjects": []}
	old := {"template": {"spec": {"project": "shop", "source": guarded}}}
	new := {"template": {"spec": {"project": "sandbox", "source": guarded}}}
	violations := policy.deny with input as moved("ApplicationSet", old, new, given)
	fixture.paths(violations) == {"/spec/template/spec/project"}
}

test_this_is_not_judged[name] if {
	some name, spec in {
		"null": null,
		"a string": "source",
		"sources of wrong type": {"sources": "x"},
		"members of wrong type": {"sources": [null, "x"]},
		"no source at all": {"project": "shop"},
		"a source that is a string": {"source": "x"},
	}
	violations := policy.deny with input as application(spec)
	violations == set()
	of_a_set := policy.deny with input as application_set({"template": {"spec": spec}, "generators": spec})
	of_a_set == set()
}

test_a_deleted_Application_is_not_judged if {
	violations := policy.deny with input as fixture.delete(object_of("Application", {"source": plain}))
	violations == set()
}

test_a_project_that_is_not_gated_is_warned if {
	cases := {
		"none is": {"gatedProjects": []},
		"another is": {"gatedProjects": ["payments"]},
	}
	every parameters in cases {
		judged := fixture.with_parameters(fixture.create(object_of("Application", {"project": "shop", "source": plain})), parameters)
		denied := policy.deny with input as judged
		denied == set()
		warned := policy.warn with input as judged
		fixture.paths(warned) == {"/spec/source"}
	}
}

test_a_gated_project_is_denied_and_not_warned if {
	judged := fixture.with_parameters(fixture.create(object_of("Application", {"project": "shop", "source": plain})), {"gatedProjects": ["shop"]})
	denied := policy.deny with input as judged
	fixture.paths(denied) == {"/spec/source"}
	warned := policy.warn with input as judged
	warned == set()
}
