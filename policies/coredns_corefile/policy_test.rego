package lockkeeper.coredns_corefile_test

import data.lockkeeper.coredns_corefile as policy
import data.lockkeeper.lib.fixture

config_map(name, content) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": content}

parameters := {"configMaps": ["coredns", "kube-dns*"], "allowedResolvers": ["203.0.113.54"]}

corefile(line) := concat("\n", [".:53 {", "    errors", concat("", ["    ", line]), "    cache 30", "}", ""])

change(old, new) := fixture.with_parameters(
	fixture.update(config_map("coredns", {"Corefile": new}), config_map("coredns", {"Corefile": old})),
	parameters,
)

create(name, content) := fixture.with_parameters(fixture.create(config_map(name, content)), parameters)

test_a_new_rewrite_is_a_warning if {
	warnings := policy.warn with input as change(corefile("ready"), corefile("rewrite name a.shop.svc.cluster.local b.tools.svc.cluster.local"))
	warnings == {{
		"msg": "Corefile gets a line with the plugin rewrite: it gives a name the answer of another one",
		"path": "/data/Corefile",
		"details": {"plugin": "rewrite", "line": "rewrite name a.shop.svc.cluster.local b.tools.svc.cluster.local"},
		"remedy": {"text": "take the line out; names of one's own belong into a Service or a private zone"},
	}}
}

test_plugins_that_answer_themselves[plugin] if {
	some plugin in ["template IN A", "hosts {", "file db.example.com", "import custom/*.override"]
	warnings := policy.warn with input as change(corefile("ready"), corefile(plugin))
	{violation.details.plugin | some violation in warnings} == {split(plugin, " ")[0]}
}

test_resolvers[line] if {
	some line, resolvers in {
		"forward . 8.8.8.8": {"8.8.8.8"},
		"forward . tls://1.1.1.1:853 dns://9.9.9.9:53": {"1.1.1.1", "9.9.9.9"},
		"forward example.com  8.8.8.8:53 {": {"8.8.8.8"},
		"proxy . 8.8.8.8": {"8.8.8.8"},
		"forward . 203.0.113.54": set(),
		"forward . /etc/resolv.conf": set(),
		"forward . 10.0.0.2 169.254.20.10": set(),
		"forward": set(),
		"# forward . 8.8.8.8": set(),
		"health 8.8.8.8": set(),
	}
	warnings := policy.warn with input as change(corefile("ready"), corefile(line))
	{violation.details.resolver | some violation in warnings} == resolvers
}

test_lines_that_were_there_are_not_judged if {
	warnings := policy.warn with input as change(
		corefile("forward . 8.8.8.8"),
		concat("", ["# moved\n", corefile("  forward . 8.8.8.8"), "\nready\n"]),
	)
	warnings == set()
}

test_the_lists_of_kube_dns if {
	warnings := policy.warn with input as create("kube-dns", {"upstreamNameservers": `["8.8.8.8:53", "10.0.0.2"]`})
	{violation.details.resolver | some violation in warnings} == {"8.8.8.8"}
}

test_other_config_maps_are_not_judged[name] if {
	some name, count_of_warnings in {"coredns": 1, "kube-dns-autoscaler": 1, "coredns-backup": 0, "web": 0}
	warnings := policy.warn with input as create(name, {"Corefile": "forward . 8.8.8.8"})
	count(warnings) == count_of_warnings
}

test_garbage_is_not_judged[name] if {
	some name, content in {"null": null, "a string": "x", "a number": {"Corefile": 3}}
	warnings := policy.warn with input as create("coredns", content)
	warnings == set()
}
