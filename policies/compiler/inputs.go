package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
)

// maxSegments bounds how far into the input paths are followed; what is deeper is read with the value around it.
const maxSegments = 16

// maxRounds bounds how often a function, or a loop in one, is gone through; each round but the last finds something new.
const maxRounds = 100

// maxRuns bounds how many functions are gone through for one entrypoint, each once for the places of its arguments.
const maxRuns = 20000

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

// frame is one function with certain arguments.
type frame struct {
	*analysis
	locals map[ir.Local]places
	// journal has the locals that were assigned in the block at hand, with all that they may hold when it is left.
	journal map[ir.Local]places
	// once are the values of locals that may be assigned more than once, if the values are equal.
	once map[ir.Local]places
	// lists are the locals that hold a list of constant texts, and nothing else.
	lists   map[ir.Local][]string
	result  places
	changed bool
	err     error
}

func (a *analysis) run(blocks []*ir.Block, arguments map[ir.Local]places) (places, error) {
	if a.runs++; a.runs > maxRuns {
		return nil, errors.New("it calls too many functions")
	}
	f := &frame{analysis: a, once: map[ir.Local]places{}, lists: constantLists(a.plan, blocks), result: places{}}
	for range maxRounds {
		f.changed = false
		f.locals = maps.Clone(arguments)
		f.journal = map[ir.Local]places{}
		f.blocks(blocks)
		if f.err != nil || !f.changed {
			return f.result, f.err
		}
	}
	return nil, errors.New("one of its functions is too intricate")
}

// blocks are run one after the other, and each may be left after any of its statements.
func (f *frame) blocks(blocks []*ir.Block) {
	for _, block := range blocks {
		outer := f.journal
		f.journal = map[ir.Local]places{}
		for _, statement := range block.Stmts {
			if f.err != nil {
				return
			}
			f.statement(statement)
		}
		inner := f.journal
		f.journal = outer
		for local, value := range inner {
			f.hold(local, value)
			f.locals[local] = value
		}
	}
}

// loop runs a block until nothing new comes around.
func (f *frame) loop(block *ir.Block) {
	for range maxRounds {
		before := map[ir.Local]string{}
		for local, value := range f.locals {
			before[local] = value.key()
		}
		f.blocks([]*ir.Block{block})
		isSame := true
		for local, value := range f.locals {
			isSame = isSame && (before[local] == value.key() || len(value) == 0)
		}
		if isSame || f.err != nil {
			return
		}
	}
	f.fail("one of its loops is too intricate")
}

// hold notes that a local may have this value when the block is left, or the one that it had before.
func (f *frame) hold(local ir.Local, value places) {
	if f.journal[local] == nil {
		f.journal[local] = places{}
		maps.Copy(f.journal[local], f.locals[local])
	}
	maps.Copy(f.journal[local], value)
}

func (f *frame) assign(target ir.Local, value places) {
	f.hold(target, value)
	f.locals[target] = value
}

func (f *frame) statement(statement ir.Stmt) {
	switch s := statement.(type) {
	case *ir.ResetLocalStmt:
		f.assign(s.Target, places{})
	case *ir.AssignIntStmt:
		f.assign(s.Target, places{})
	case *ir.MakeNullStmt:
		f.assign(s.Target, places{})
	case *ir.MakeNumberIntStmt:
		f.assign(s.Target, places{})
	case *ir.MakeNumberRefStmt:
		f.assign(s.Target, places{})
	case *ir.MakeArrayStmt:
		f.assign(s.Target, places{})
	case *ir.MakeObjectStmt:
		f.assign(s.Target, places{})
	case *ir.MakeSetStmt:
		f.assign(s.Target, places{})
	case *ir.NopStmt, *ir.BreakStmt, *ir.IsArrayStmt, *ir.IsObjectStmt, *ir.IsSetStmt, *ir.IsDefinedStmt, *ir.IsUndefinedStmt:
		// Nothing is read but types, which are known of every place that was come to.
	case *ir.BlockStmt:
		f.blocks(s.Blocks)
	case *ir.NotStmt:
		f.blocks([]*ir.Block{s.Block})
	case *ir.ScanStmt:
		f.read(s.Source)
		f.assign(s.Key, places{})
		f.assign(s.Value, places{})
		f.loop(s.Block)
	case *ir.DotStmt:
		f.dot(s)
	case *ir.LenStmt:
		f.readOperand(s.Source)
		f.assign(s.Target, places{})
	case *ir.AssignVarStmt:
		f.assign(s.Target, f.valueOf(s.Source))
	case *ir.AssignVarOnceStmt:
		f.assignOnce(s)
	case *ir.EqualStmt:
		f.readOperand(s.A)
		f.readOperand(s.B)
	case *ir.NotEqualStmt:
		f.readOperand(s.A)
		f.readOperand(s.B)
	case *ir.ArrayAppendStmt:
		f.readOperand(s.Value)
	case *ir.ObjectInsertStmt:
		f.readOperand(s.Key)
		f.readOperand(s.Value)
	case *ir.ObjectInsertOnceStmt:
		f.readOperand(s.Key)
		f.readOperand(s.Value)
	case *ir.ObjectMergeStmt:
		f.read(s.A)
		f.read(s.B)
		f.assign(s.Target, places{})
	case *ir.SetAddStmt:
		f.readOperand(s.Value)
	case *ir.ResultSetAddStmt:
		f.read(s.Value)
	case *ir.ReturnLocalStmt:
		for place := range f.locals[s.Source] {
			f.result[place] = true
		}
	case *ir.CallStmt:
		f.call(s)
	case *ir.CallDynamicStmt:
		f.fail("it calls rules by a computed name")
	case *ir.WithStmt:
		f.fail("it replaces a document by `with`")
	default:
		f.fail(fmt.Sprintf("its plan has a statement that is not known here: %T", statement))
	}
}

// dot goes to a member.
func (f *frame) dot(s *ir.DotStmt) {
	f.readOperand(s.Key)
	name, isConstant := s.Key.Value.(*ir.StringIndex)
	if !isConstant {
		f.readOperand(s.Source)
		f.assign(s.Target, places{})
		return
	}
	f.assign(s.Target, f.members(f.valueOf(s.Source), f.plan.Static.Strings[*name].Value))
}

func (f *frame) members(of places, name string) places {
	found := places{}
	for place := range of {
		if strings.Count(place, "/") >= maxSegments {
			f.note(f.whole, place)
			continue
		}
		member := place + "/" + escapeSegment(name)
		f.note(f.seen, member)
		found[member] = true
	}
	return found
}

// assignOnce compares the value with the one that the local may have already: no comparison where both are one place.
func (f *frame) assignOnce(s *ir.AssignVarOnceStmt) {
	value := f.valueOf(s.Source)
	known := f.once[s.Target]
	if known == nil {
		known = places{}
		f.once[s.Target] = known
	}
	if len(value) == 0 {
		// A value that is no part of the input counts as a place of its own.
		f.note(known, "computed")
	}
	for place := range value {
		f.note(known, place)
	}
	if len(known) > 1 {
		f.readAll(value)
	}
	joined := maps.Clone(value)
	if joined == nil {
		joined = places{}
	}
	maps.Copy(joined, f.locals[s.Target])
	f.assign(s.Target, joined)
}

func (f *frame) call(s *ir.CallStmt) {
	if callee, ok := f.funcs[s.Func]; ok {
		arguments := map[ir.Local]places{}
		key := s.Func
		for i, parameter := range callee.Params {
			arguments[parameter] = maps.Clone(f.valueOf(s.Args[i]))
			key += "\n" + arguments[parameter].key()
		}
		result, ok := f.results[key]
		if !ok {
			var err error
			if result, err = f.run(callee.Blocks, arguments); err != nil {
				f.err = err
				return
			}
			f.results[key] = result
		}
		f.assign(s.Result, result)
		return
	}
	f.callBuiltin(s)
	f.assign(s.Result, places{})
}

// typeChecks ask for nothing but a value's type.
var typeChecks = map[string]bool{
	ast.IsArray.Name:         true,
	ast.IsBoolean.Name:       true,
	ast.IsNull.Name:          true,
	ast.IsNumber.Name:        true,
	ast.IsObject.Name:        true,
	ast.IsSet.Name:           true,
	ast.IsString.Name:        true,
	ast.TypeNameBuiltin.Name: true,
}

func (f *frame) callBuiltin(s *ir.CallStmt) {
	builtin, isKnown := ast.BuiltinMap[s.Func]
	switch {
	case !isKnown:
		f.fail("it calls a function that is not known here: " + s.Func)
	case builtin.Nondeterministic || impure[s.Func]:
		f.fail("it calls " + s.Func)
	case typeChecks[s.Func]:
	case s.Func == ast.ObjectRemove.Name && f.removed(s) != nil:
		for place := range f.valueOf(s.Args[0]) {
			f.readWithout(place, f.removed(s))
		}
	default:
		for _, argument := range s.Args {
			f.readOperand(argument)
		}
	}
}

// impure are built-ins whose result depends on more than their operands, or whose calls are noticed outside; OPA does not
// call all of them non-deterministic.
var impure = map[string]bool{
	ast.HTTPSend.Name: true,
	ast.CryptoX509ParseAndVerifyCertificates.Name:            true,
	ast.CryptoX509ParseAndVerifyCertificatesWithOptions.Name: true,
	ast.JWTDecodeVerify.Name:                                 true,
	ast.NetLookupIPAddr.Name:                                 true,
	ast.NowNanos.Name:                                        true,
	ast.OPARuntime.Name:                                      true,
	ast.RandIntn.Name:                                        true,
	ast.UUIDRFC4122.Name:                                     true,
}

// removed has the members that a call of object.remove takes away; nil when they are computed.
func (f *frame) removed(s *ir.CallStmt) []string {
	local, ok := s.Args[1].Value.(*ir.Local)
	if !ok {
		return nil
	}
	return f.lists[*local]
}

func (f *frame) fail(reason string) {
	f.err = errors.New(reason)
}

// valueOf takes operands as they come from a plan's JSON.
func (f *frame) valueOf(operand ir.Operand) places {
	switch value := operand.Value.(type) {
	case *ir.Local:
		return f.locals[*value]
	case *ir.StringIndex, *ir.Bool:
		return nil
	default:
		f.fail(fmt.Sprintf("its plan has an operand that is not known here: %T", value))
		return nil
	}
}

func (f *frame) note(in places, place string) {
	if !in[place] {
		in[place] = true
		f.changed = true
	}
}

func (f *frame) readOperand(operand ir.Operand) { f.readAll(f.valueOf(operand)) }

func (f *frame) read(local ir.Local) { f.readAll(f.locals[local]) }

func (f *frame) readAll(value places) {
	for place := range value {
		f.note(f.whole, place)
	}
}

func (f *frame) readWithout(place string, names []string) {
	known, ok := f.without[place]
	if !ok {
		known = places{}
		for _, name := range names {
			known[name] = true
		}
		f.without[place] = known
		f.changed = true
		return
	}
	for name := range known {
		if !slices.Contains(names, name) {
			delete(known, name)
			f.changed = true
		}
	}
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

// constantLists finds the locals that are made in one place, of constant texts, all of them at once.
func constantLists(plan *ir.Policy, blocks []*ir.Block) map[ir.Local][]string {
	lists := map[ir.Local][]string{}
	appended := map[ir.Local]int{}
	made := map[ir.Local]int{}
	for _, block := range allBlocks(blocks) {
		for i, statement := range block.Stmts {
			switch s := statement.(type) {
			case *ir.ArrayAppendStmt:
				appended[s.Array]++
			case *ir.MakeArrayStmt:
				made[s.Target]++
				lists[s.Target] = []string{}
				for _, next := range block.Stmts[i+1:] {
					element, ok := next.(*ir.ArrayAppendStmt)
					if !ok || element.Array != s.Target {
						break
					}
					index, ok := element.Value.Value.(*ir.StringIndex)
					if !ok {
						break
					}
					lists[s.Target] = append(lists[s.Target], plan.Static.Strings[*index].Value)
				}
			case *ir.AssignVarStmt:
				made[s.Target]++
			case *ir.AssignVarOnceStmt:
				made[s.Target]++
			case *ir.DotStmt:
				made[s.Target]++
			case *ir.CallStmt:
				made[s.Result]++
			}
		}
	}
	for local, list := range lists {
		if made[local] != 1 || appended[local] != len(list) {
			delete(lists, local)
		}
	}
	return lists
}

func allBlocks(blocks []*ir.Block) []*ir.Block {
	var all []*ir.Block
	for _, block := range blocks {
		all = append(all, block)
		for _, statement := range block.Stmts {
			switch s := statement.(type) {
			case *ir.BlockStmt:
				all = append(all, allBlocks(s.Blocks)...)
			case *ir.NotStmt:
				all = append(all, allBlocks([]*ir.Block{s.Block})...)
			case *ir.ScanStmt:
				all = append(all, allBlocks([]*ir.Block{s.Block})...)
			case *ir.WithStmt:
				all = append(all, allBlocks([]*ir.Block{s.Block})...)
			}
		}
	}
	return all
}
