package main

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// hostBuiltins are the built-ins whose Wasm implementation in OPA 1.22 cannot be used. Calls of them are sent to a
// function that the host supplies under the second name; its colon keeps it apart from every name in a policy.
//
//	replace:       replace(s, "", x) never returns
//	json.is_valid: takes what only begins with a JSON value, and lists without commas, for valid
var hostBuiltins = map[string]string{
	ast.JSONIsValid.Name: "host:json_is_valid",
	ast.Replace.Name:     "host:replace",
}

// declareHostBuiltins makes OPA's compiler accept the host's names, with the declarations of the originals.
func declareHostBuiltins(replaced map[string]string) *ast.Capabilities {
	capabilities := ast.CapabilitiesForThisVersion()
	for name, hostName := range replaced {
		builtin := *ast.BuiltinMap[name]
		builtin.Name = hostName
		builtin.Infix = ""
		ast.RegisterBuiltin(&builtin)
		capabilities.Builtins = append(capabilities.Builtins, &builtin)
	}
	return capabilities
}

// callHost rewrites the calls in one module. Names that the package's rules or the module's imports define are not
// the built-in's and stay.
func callHost(module *ast.Module, replaced map[string]string, packageRules map[string]bool) {
	hostRefs := map[string]ast.Ref{}
	for name, hostName := range replaced {
		ref := ast.BuiltinMap[name].Ref()
		if head := string(ref[0].Value.(ast.Var)); !packageRules[head] && !imports(module, head) {
			hostRefs[ref.String()] = ast.Ref{ast.VarTerm(hostName)}
		}
	}
	rewrite := func(function *ast.Term) {
		switch value := function.Value.(type) {
		case ast.Var, ast.Ref:
			if ref, ok := hostRefs[value.String()]; ok {
				function.Value = ref
			}
		}
	}
	ast.NewGenericVisitor(func(node any) bool {
		switch node := node.(type) {
		case *ast.Expr:
			if terms, ok := node.Terms.([]*ast.Term); ok {
				rewrite(terms[0])
			}
		case ast.Call:
			rewrite(node[0])
		case *ast.With:
			rewrite(node.Target)
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
