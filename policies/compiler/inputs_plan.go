package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ir"
)

// maxRounds bounds how often a function, or a loop in one, is gone through; each round but the last finds something new.
const maxRounds = 100

// maxRuns bounds how many functions are gone through for one entrypoint, each once for the places of its arguments.
const maxRuns = 20000

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
