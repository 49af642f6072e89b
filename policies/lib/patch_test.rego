package lockkeeper.lib.patch_test

import data.lockkeeper.lib.patch

test_a_member_is_set_and_what_lacks_is_made[name] if {
	keys := ["securityContext", "capabilities", "drop"]
	some name, [value, path, expected] in {
		"all is there": [{"securityContext": {"capabilities": {"add": []}}}, "/spec/containers/0/securityContext/capabilities/drop", ["ALL"]],
		"one object lacks": [{"securityContext": {"privileged": false}}, "/spec/containers/0/securityContext/capabilities", {"drop": ["ALL"]}],
		"two objects lack": [{}, "/spec/containers/0/securityContext", {"capabilities": {"drop": ["ALL"]}}],
		"null is no object": [{"securityContext": null}, "/spec/containers/0/securityContext", {"capabilities": {"drop": ["ALL"]}}],
		"text is no object": [{"securityContext": {"capabilities": "x"}}, "/spec/containers/0/securityContext/capabilities", {"drop": ["ALL"]}],
	}
	patch.set(value, "/spec/containers/0", keys, ["ALL"]) == [{"op": "add", "path": path, "value": expected}]
}

test_two_keys_are_enough if {
	patch.set({}, "/spec", ["securityContext", "runAsNonRoot"], true) == [{
		"op": "add",
		"path": "/spec/securityContext",
		"value": {"runAsNonRoot": true},
	}]
	patch.set({"securityContext": {}}, "/spec", ["securityContext", "runAsNonRoot"], true) == [{
		"op": "add",
		"path": "/spec/securityContext/runAsNonRoot",
		"value": true,
	}]
}

test_one_key_is_enough if {
	patch.set({}, "", ["kind"], "Pod") == [{"op": "add", "path": "/kind", "value": "Pod"}]
}
