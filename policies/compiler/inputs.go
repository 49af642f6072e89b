package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ir"
)

// maxSegments bounds how far into the input paths are followed; what is deeper is read with the value around it.
const maxSegments = 16

// inputPath is a part of the input that an entrypoint may read: everything at a JSON pointer, but for some members.
type inputPath struct {
	pointer string
	without []string
}

// MarshalJSON writes the pointer alone where nothing is left out.
func (p inputPath) MarshalJSON() ([]byte, error) {
	if len(p.without) == 0 {
		return compactJSON(p.pointer), nil
	}
	return compactJSON(map[string]any{"path": p.pointer, "without": p.without}), nil
}

// inputs says of each entrypoint which parts of the input its result depends on, and nothing else; of those for which
// that cannot be said it has the reasons.
type inputs struct {
	Inputs  map[string][]inputPath `json:"inputs"`
	Reasons map[string]string      `json:"reasons,omitempty"`
}

// inputsOf finds out what the entrypoints of a plan read.
//
// It follows the plan that the Wasm is made of, where everything that Rego has (comprehensions, every, else, default,
// partial rules, functions) is a sequence of a few plain statements. A value is known by where in the input it stands.
// Whatever is done to a value, but for going to a member by a constant name and asking for its type, counts as reading
// it whole. Members on the way are read as far as this: whether they are there, and of which type.
func inputsOf(plan *ir.Policy) inputs {
	result := inputs{Inputs: map[string][]inputPath{}, Reasons: map[string]string{}}
	for _, each := range plan.Plans.Plans {
		paths, err := planInputs(plan, each)
		result.Inputs[each.Name] = paths
		if err != nil {
			result.Reasons[each.Name] = err.Error()
		}
	}
	return result
}

func planInputs(plan *ir.Policy, entrypoint *ir.Plan) ([]inputPath, error) {
	a := &analysis{
		plan:    plan,
		funcs:   map[string]*ir.Func{},
		results: map[string]places{},
		whole:   places{},
		seen:    places{},
		without: map[string]places{},
	}
	for _, f := range plan.Funcs.Funcs {
		a.funcs[f.Name] = f
	}
	if _, err := a.run(entrypoint.Blocks, map[ir.Local]places{ir.Input: {"": true}}); err != nil {
		return nil, err
	}
	return a.paths()
}

// places are JSON pointers into the input; a value without any is no part of it.
type places map[string]bool

func (p places) key() string {
	return fmt.Sprintf("%q", slices.Sorted(maps.Keys(p)))
}

// analysis is what one entrypoint was seen to read.
type analysis struct {
	plan    *ir.Policy
	funcs   map[string]*ir.Func
	results map[string]places
	runs    int
	// whole are the places of which everything is read.
	whole places
	// seen are the places of which only the type is read.
	seen places
	// without are the places of which everything is read but for these members.
	without map[string]places
}

// paths has what was read, shortest first, and nothing twice.
func (a *analysis) paths() ([]inputPath, error) {
	// A place on the way to another one has a type that the other one tells; elsewhere the value has to. Ends come before
	// what is on the way to them.
	seen := slices.Sorted(maps.Keys(a.seen))
	for _, place := range slices.Backward(seen) {
		if !a.isTold(place) {
			a.whole[place] = true
		}
	}
	result := []inputPath{}
	for place := range a.whole {
		switch {
		case place == "":
			return nil, fmt.Errorf("it reads the whole input")
		case place == "/review" || place == "/review/uid":
			return nil, fmt.Errorf("it reads the uid of the request, which is another each time")
		}
		if !a.isPartOfAnother(place) {
			result = append(result, inputPath{pointer: place})
		}
	}
	for place, names := range a.without {
		if place == "" || place == "/review" {
			return nil, fmt.Errorf("it reads nearly the whole input")
		}
		if !a.whole[place] && !a.isPartOfAnother(place) {
			result = append(result, inputPath{pointer: place, without: slices.Sorted(maps.Keys(names))})
		}
	}
	slices.SortFunc(result, func(a, b inputPath) int { return strings.Compare(a.pointer, b.pointer) })
	return result, nil
}

func (a *analysis) isTold(place string) bool {
	if a.whole[place] || a.isPartOfAnother(place) {
		return true
	}
	for other := range a.whole {
		if strings.HasPrefix(other, place+"/") {
			return true
		}
	}
	for other := range a.without {
		if strings.HasPrefix(other+"/", place+"/") {
			return true
		}
	}
	return false
}

// isPartOfAnother is true of a place inside another one that is read.
func (a *analysis) isPartOfAnother(place string) bool {
	for at := strings.LastIndex(place, "/"); at >= 0; at = strings.LastIndex(place[:at], "/") {
		above := place[:at]
		if a.whole[above] {
			return true
		}
		if names, ok := a.without[above]; ok {
			member, _, _ := strings.Cut(place[at+1:], "/")
			if !names[unescapeSegment(member)] {
				return true
			}
		}
	}
	return false
}

func escapeSegment(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func unescapeSegment(segment string) string {
	return strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
}
