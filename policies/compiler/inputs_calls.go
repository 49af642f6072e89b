package main

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
)

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
