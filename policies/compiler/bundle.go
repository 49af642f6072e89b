package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
	"github.com/open-policy-agent/opa/v1/ir"
)

// ruleNames are the rules of a policy that lockkeeper evaluates.
var ruleNames = map[string]bool{"deny": true, "warn": true, "violation": true}

// libraryPackage is shared by policies: its rules are never entrypoints.
const libraryPackage = "lockkeeper/lib"

// file is one file of the bundle directory.
type file struct {
	path    string
	content []byte
}

// manifest is OPA's, with the annotations of each entrypoint's package before those of its rules.
type manifest struct {
	Revision    string     `json:"revision"`
	Roots       []string   `json:"roots"`
	Wasm        []resolver `json:"wasm"`
	RegoVersion int        `json:"rego_version"`
	Metadata    metadata   `json:"metadata"`
}

// metadata is what OPA hands on as it is.
type metadata struct {
	Lockkeeper findings `json:"lockkeeper"`
}

// findings hold for the module that they were made with: who builds the bundle anew without this program leaves them behind.
type findings struct {
	Module string `json:"module"`
	inputs
}

type resolver struct {
	Entrypoint  string             `json:"entrypoint"`
	Module      string             `json:"module"`
	Annotations []*ast.Annotations `json:"annotations,omitempty"`
}

func compileBundle(ctx context.Context, sources []source, data map[string]any, roots []string, revision string, replaced map[string]hostBuiltin) ([]file, error) {
	capabilities := declareHostBuiltins(replaced)
	modules := make([]*ast.Module, len(sources))
	packageRules := map[string]map[string]bool{}
	for i, s := range sources {
		module, err := ast.ParseModuleWithOpts(s.path, string(s.text), ast.ParserOptions{
			Capabilities:      capabilities,
			ProcessAnnotation: true,
			RegoVersion:       ast.RegoV1,
		})
		if err != nil {
			return nil, err
		}
		modules[i] = module
		name := module.Package.Path.String()
		if packageRules[name] == nil {
			packageRules[name] = map[string]bool{}
		}
		for _, rule := range module.Rules {
			if head, ok := rule.Head.Ref()[0].Value.(ast.Var); ok {
				packageRules[name][string(head)] = true
			}
		}
	}

	annotations, errs := ast.BuildAnnotationSet(modules)
	if len(errs) > 0 {
		return nil, errs
	}
	wasm, err := entrypoints(modules, roots, annotations)
	if err != nil {
		return nil, err
	}

	keepMocked(modules, replaced)
	input := &bundle.Bundle{Data: data}
	input.Manifest.Roots = &roots
	input.Manifest.Init()
	input.SetRegoVersion(ast.RegoV1)
	for i, module := range modules {
		callHost(module, replaced, packageRules[module.Package.Path.String()])
		path := "/" + sources[i].path
		input.Modules = append(input.Modules, bundle.ModuleFile{URL: path, Path: path, Parsed: module, Raw: sources[i].text})
	}
	build := func(target string) (*bundle.Bundle, error) {
		from := input.Copy()
		compiler := compile.New().
			WithBundle(&from).
			WithCapabilities(capabilities).
			WithPruneUnused(true).
			WithRegoVersion(ast.RegoV1).
			WithTarget(target)
		for _, w := range wasm {
			compiler = compiler.WithEntrypoints(w.Entrypoint)
		}
		err := compiler.Build(ctx)
		return compiler.Bundle(), err
	}
	planned, err := build(compile.TargetPlan)
	if err != nil {
		return nil, err
	}
	plan := &ir.Policy{}
	if len(planned.PlanModules) != 1 {
		return nil, fmt.Errorf("OPA made %d plans instead of one", len(planned.PlanModules))
	}
	if err := json.Unmarshal(planned.PlanModules[0].Raw, plan); err != nil {
		return nil, err
	}
	built, err := build(compile.TargetWasm)
	if err != nil {
		return nil, err
	}
	if len(built.WasmModules) != 1 {
		return nil, fmt.Errorf("OPA made %d Wasm modules instead of one", len(built.WasmModules))
	}

	module := built.WasmModules[0].Raw
	found := metadata{findings{fmt.Sprintf("sha256:%x", sha256.Sum256(module)), inputsOf(plan)}}
	files := []file{
		{".manifest", append(compactJSON(manifest{Revision: revision, Roots: roots, Wasm: wasm, RegoVersion: 1, Metadata: found}), '\n')},
		{"policy.wasm", module},
		{"data.json", append(compactJSON(data), '\n')},
	}
	for _, s := range sources {
		files = append(files, file{s.path, s.text})
	}
	return files, check(files)
}

// entrypoints lists the policies' rules, sorted by path, with the annotations of their package, document and rules.
func entrypoints(modules []*ast.Module, roots []string, annotations *ast.AnnotationSet) ([]resolver, error) {
	byPath := map[string]*resolver{}
	var paths []string
	for _, module := range modules {
		prefix, err := module.Package.Path.Ptr()
		if err != nil {
			return nil, err
		}
		if !below(prefix, roots) || below(prefix, []string{libraryPackage}) {
			continue
		}
		for _, rule := range module.Rules {
			head := rule.Head.Ref()
			name, ok := head[0].Value.(ast.Var)
			if !ok || !ruleNames[string(name)] {
				continue
			}
			path := prefix + "/" + string(name)
			entry := byPath[path]
			if entry == nil {
				entry = &resolver{Entrypoint: path, Module: "/policy.wasm"}
				if a := annotations.GetPackageScope(module.Package); a != nil {
					entry.Annotations = append(entry.Annotations, a)
				}
				if a := annotations.GetDocumentScope(rule.Ref().GroundPrefix()); a != nil {
					entry.Annotations = append(entry.Annotations, a)
				}
				byPath[path] = entry
				paths = append(paths, path)
			}
			entry.Annotations = append(entry.Annotations, annotations.GetRuleScope(rule)...)
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no rule named deny, warn or violation in a package below %s", strings.Join(roots, ", "))
	}
	sort.Strings(paths)
	result := make([]resolver, len(paths))
	for i, path := range paths {
		result[i] = *byPath[path]
	}
	return result, nil
}

func below(path string, roots []string) bool {
	for _, root := range roots {
		if root == "" || path == root || strings.HasPrefix(path, root+"/") {
			return true
		}
	}
	return false
}

// check reads the bundle back with OPA's own reader, which holds roots, data and packages against each other.
func check(files []file) error {
	tree := fstest.MapFS{}
	for _, f := range files {
		if tree[f.path] != nil {
			return fmt.Errorf("two files would be %s in the bundle", f.path)
		}
		tree[f.path] = &fstest.MapFile{Data: f.content}
	}
	loader, err := bundle.NewFSLoader(tree)
	if err != nil {
		return err
	}
	if _, err := bundle.NewCustomReader(loader).WithRegoVersion(ast.RegoV1).Read(); err != nil {
		return fmt.Errorf("OPA would not read the bundle: %w", err)
	}
	return nil
}

// writeBundle replaces what this program wrote into the directory before; a directory that holds something else than a
// bundle is refused, and files of a bundle that come from elsewhere (configuration, models) stay.
func writeBundle(directory string, files []file) error {
	entries, err := os.ReadDir(directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(directory, ".manifest")); err != nil {
			return fmt.Errorf("%s is neither empty nor a bundle", directory)
		}
		if err := removeSources(directory); err != nil {
			return err
		}
	}
	for _, f := range files {
		path := filepath.Join(directory, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// removeSources deletes the Rego files of an earlier run, and the directories that are empty then.
func removeSources(directory string) error {
	var directories []string
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != directory:
			directories = append(directories, path)
		case strings.HasSuffix(path, ".rego"):
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range slices.Backward(directories) {
		if entries, err := os.ReadDir(path); err == nil && len(entries) == 0 {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
