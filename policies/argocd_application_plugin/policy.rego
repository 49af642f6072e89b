# METADATA
# title: Argo CD Applications without the gate
# description: |
#   An Application that does not render through the Lockkeeper plugin syncs whatever is in Git: nothing of it is judged
#   before it is applied, and a denial at admission leaves the sync half done. It warns until a project is named as gated;
#   a change that takes the plugin out is always denied.
# custom:
#   severity: high
#   controls: []
#   # Argo CD writes status into the Application itself: what was there before must stay writable.
#   ratchet: true
#   docs: https://argo-cd.readthedocs.io/en/stable/operator-manual/config-management-plugins/
#   match:
#     kinds:
#       - apiGroups: [argoproj.io]
#         kinds: [Application, ApplicationSet]
#   parameters:
#     pluginName: lockkeeper-v1
#     # Projects whose Applications must use the plugin, "*" for all: before they have moved to it, nothing could be created.
#     gatedProjects: []
#     exemptProjects: []
package lockkeeper.argocd_application_plugin

import data.lockkeeper.lib.pointer

deny contains violation if {
	_is_gated
	some violation in _violations
}

warn contains violation if {
	not _is_gated
	some violation in _violations
}

_violations contains violation if {
	some path, source in _sources(input.review.object)
	not _uses_plugin(source)
	violation := {
		"msg": sprintf("%s: what it renders is synced unjudged%s", [_problem(path, source), _removal]),
		"path": path,
		"details": {"plugin": _plugin_name},
		"remedy": {"text": sprintf("set plugin.name to %s in this source", [_plugin_name])},
	}
}

# Argo CD then syncs the hydrated branch as a plain directory, whatever rendered it.
_violations contains violation if {
	some path, spec in _specs_of(input.review.object)
	_hydrated(spec)
	violation := {
		"msg": "sourceHydrator syncs a branch of rendered manifests without any plugin: it is synced unjudged",
		"path": concat("", [path, "/sourceHydrator"]),
		"details": {"plugin": _plugin_name},
		"remedy": {"text": sprintf("use a source with plugin.name %s instead of sourceHydrator", [_plugin_name])},
	}
}

_violations contains violation if {
	input.review.kind.kind == "ApplicationSet"
	count(_specs_of(input.review.object)) > 0
	patch := input.review.object.spec.templatePatch
	is_string(patch)
	_may_replace(patch)
	violation := {
		"msg": "templatePatch may replace the source or the project, and the plugin with it: it cannot be judged before it is applied",
		"path": "/spec/templatePatch",
		"details": {"plugin": _plugin_name},
		"remedy": {"text": "set source and project in the template, with parameters of the generators"},
	}
}

# There the plugin may be taken out later, unseen.
_violations contains violation if {
	some path, spec in _all_specs(input.review.object)
	_exempt(spec)
	old := _all_specs(input.review.oldObject)[path]
	not _exempt(old)
	violation := {
		"msg": sprintf("%s/project moves from %q into the exempt project %q, where nothing has to use the plugin", [path, _project(old), _project(spec)]),
		"path": concat("", [path, "/project"]),
		"details": {"project": _project(spec)},
		"remedy": {"text": "leave it in its project, or take the project out of exemptProjects"},
	}
}

# The patch is a template: what it writes is a source, a plugin or a project where it says so, and anything where a line
# begins with what an expression gives.
_may_replace(patch) if {
	some word in ["source", "plugin", "project"]
	contains(patch, word)
}

_may_replace(patch) if {
	some line in split(patch, "\n")
	expression := regex.find_all_string_submatch_n(`^\s*(?:-\s+)?["']?\{\{-?\s*(\S+)`, line, 1)[0][1]
	not expression in {"if", "else", "else}}", "end", "end}}", "end-}}", "range", "with", "define", "block", "/*"}
}

# The sources that produce manifests, by JSON pointer. `sources` counts before `source`, and neither beside a
# sourceHydrator: as Argo CD chooses.
_sources(application) := {path: source |
	some spec_path, spec in _specs_of(application)
	not _hydrated(spec)
	some path, source in _sources_of(spec_path, spec)
}

_sources_of(spec_path, spec) := {concat("", [spec_path, "/source"]): spec.source} if {
	not _has_sources(spec)
	is_object(spec.source)
}

_sources_of(spec_path, spec) := {path: source |
	some i, source in spec.sources
	is_object(source)
	not _only_referenced(source)
	path := concat("", [spec_path, "/sources/", format_int(i, 10)])
} if {
	_has_sources(spec)
}

_hydrated(spec) if is_object(spec.sourceHydrator)

_has_sources(spec) if {
	is_array(spec.sources)
	count(spec.sources) > 0
}

# Such a source only lends its files to the others.
_only_referenced(source) if {
	is_string(source.ref)
	source.ref != ""
	object.get(source, "path", "") in {"", null}
	object.get(source, "chart", "") in {"", null}
}

# The Application specs in an object, by JSON pointer, but for those of exempt projects.
_specs_of(reviewed) := {path: spec |
	some path, spec in _all_specs(reviewed)
	not _exempt(spec)
}

default _all_specs(_) := {}

_all_specs(application) := {"/spec": spec} if {
	input.review.kind.kind == "Application"
	spec := application.spec
	is_object(spec)
}

_all_specs(set) := object.union(_template_spec(set), _generator_specs(set)) if {
	input.review.kind.kind == "ApplicationSet"
}

default _template_spec(_) := {}

_template_spec(set) := {"/spec/template/spec": set.spec.template.spec} if is_object(set.spec.template.spec)

# A generator's own template is laid over the set's: of interest where it brings a source.
_generator_specs(set) := {path: spec |
	some generator_path, generator in _generators(set)
	overlay := generator.template.spec
	is_object(overlay)
	some field in ["source", "sources", "sourceHydrator"]
	overlay[field]
	spec := object.union(object.get(_template_spec(set), "/spec/template/spec", {}), overlay)
	path := concat("", [generator_path, "/template/spec"])
}

# The generators of an ApplicationSet and those inside its matrix and merge generators, by JSON pointer.
_generators(set) := object.union(outer, inner) if {
	outer := {pointer.join(["spec", "generators", i, kind]): generator |
		some i, item in set.spec.generators
		some kind, generator in item
		is_object(generator)
	}
	inner := {pointer.join(["spec", "generators", i, outer_kind, "generators", j, kind]): generator |
		some i, item in set.spec.generators
		some outer_kind, combined in item
		some j, inner_item in combined.generators
		some kind, generator in inner_item
		is_object(generator)
	}
}

# Without a project an Application belongs to `default`.
_exempt(spec) if {
	project := _project(spec)
	project in input.parameters.exemptProjects
}

default _project(_) := "default"

_project(spec) := spec.project if {
	is_string(spec.project)
	spec.project != ""
}

_problem(path, source) := sprintf("%s has no plugin", [path]) if not source.plugin.name

_problem(path, source) := sprintf(`%s uses the plugin "%v", not "%s"`, [path, source.plugin.name, _plugin_name]) if {
	source.plugin.name
}

_is_gated if _removal != ""

_is_gated if "*" in input.parameters.gatedProjects

# The project that it leaves counts as well as the one that it comes into.
_is_gated if {
	some reviewed in [input.review.object, input.review.oldObject]
	some spec in _specs_of(reviewed)
	_project(spec) in input.parameters.gatedProjects
}

default _removal := ""

_removal := ", and this change takes the plugin out" if {
	some source in _sources(input.review.oldObject)
	_uses_plugin(source)
}

_uses_plugin(source) if source.plugin.name == _plugin_name

default _plugin_name := "lockkeeper-v1"

_plugin_name := input.parameters.pluginName if is_string(input.parameters.pluginName)
