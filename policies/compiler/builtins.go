package main

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// hostBuiltin is a function that the host supplies in place of a built-in of OPA; the colon in its name keeps it apart
// from every name in a policy.
type hostBuiltin struct {
	name string
	// operands changes a call's operands to the host function's, or says that this call stays OPA's; nil: all calls go
	// to the host as they are.
	operands func(operands []*ast.Term) bool
}

// hostBuiltins are the built-ins whose Wasm implementation in OPA 1.22 cannot be used, or costs too much.
//
//	replace:       replace(s, "", x) never returns
//	json.is_valid: takes what only begins with a JSON value, and lists without commas, for valid
//	regex.match:   compiles the pattern in every evaluation, which takes far longer than to search a text for it
var hostBuiltins = map[string]hostBuiltin{
	ast.JSONIsValid.Name: {name: "host:json_is_valid"},
	ast.Replace.Name:     {name: "host:replace"},
	ast.RegexMatch.Name:  {name: "host:regex_match", operands: constantRegex},
}

// constantRegex translates a pattern that is written in the call.
func constantRegex(operands []*ast.Term) bool {
	if len(operands) == 0 {
		return false
	}
	pattern, ok := operands[0].Value.(ast.String)
	if !ok {
		return false
	}
	translated, ok := hostRegex(string(pattern))
	if ok {
		operands[0] = ast.StringTerm(translated).SetLocation(operands[0].Location)
	}
	return ok
}

// declareHostBuiltins makes OPA's compiler accept the host's names, with the declarations of the originals.
func declareHostBuiltins(replaced map[string]hostBuiltin) *ast.Capabilities {
	capabilities := ast.CapabilitiesForThisVersion()
	for name, host := range replaced {
		builtin := *ast.BuiltinMap[name]
		builtin.Name = host.name
		builtin.Infix = ""
		ast.RegisterBuiltin(&builtin)
		capabilities.Builtins = append(capabilities.Builtins, &builtin)
	}
	return capabilities
}

// keepMocked leaves built-ins to OPA of which only some calls would go to the host, where a `with` replaces them: it
// reaches into every package, and must reach all calls.
func keepMocked(modules []*ast.Module, replaced map[string]hostBuiltin) {
	for _, module := range modules {
		ast.WalkWiths(module, func(with *ast.With) bool {
			if name := with.Target.Value.String(); replaced[name].operands != nil {
				delete(replaced, name)
			}
			return false
		})
	}
}

// callHost rewrites the calls in one module. Names that the package's rules or the module's imports define are not
// the built-in's and stay.
func callHost(module *ast.Module, replaced map[string]hostBuiltin, packageRules map[string]bool) {
	hosts := map[string]hostBuiltin{}
	for name, host := range replaced {
		ref := ast.BuiltinMap[name].Ref()
		if head := string(ref[0].Value.(ast.Var)); !packageRules[head] && !imports(module, head) {
			hosts[ref.String()] = host
		}
	}
	rewrite := func(function *ast.Term, operands []*ast.Term) {
		switch value := function.Value.(type) {
		case ast.Var, ast.Ref:
			host, ok := hosts[value.String()]
			if ok && (host.operands == nil || host.operands(operands)) {
				function.Value = ast.Ref{ast.VarTerm(host.name)}
			}
		}
	}
	ast.NewGenericVisitor(func(node any) bool {
		switch node := node.(type) {
		case *ast.Expr:
			if terms, ok := node.Terms.([]*ast.Term); ok {
				rewrite(terms[0], terms[1:])
			}
		case ast.Call:
			rewrite(node[0], node[1:])
		case *ast.With:
			rewrite(node.Target, nil)
		}
		return false
	}).Walk(module)
}

func imports(module *ast.Module, name string) bool {
	for _, i := range module.Imports {
		if string(i.Name()) == name {
			return true
		}
	}
	return false
}
