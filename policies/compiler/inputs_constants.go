package main

import "github.com/open-policy-agent/opa/v1/ir"

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
