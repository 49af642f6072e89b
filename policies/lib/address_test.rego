package lockkeeper.lib.address_test

import data.lockkeeper.lib.address

test_the_host_of_an_address[url] if {
	some url, wanted in {
		"https://Hooks.example.com/mutate": "hooks.example.com",
		"https://hooks.example.com:8443/mutate?x=1": "hooks.example.com",
		"https://hooks.example.com?x=/": "hooks.example.com",
		"https://user@hooks.example.com/": "hooks.example.com",
		"https://[2001:db8::1]:443/": "2001:db8::1",
		"https://203.0.113.7": "203.0.113.7",
	}
	address.host_of(url) == wanted
}

test_internal_hosts[host] if {
	some host in [
		"localhost", "127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "fd00::1",
		"fe80::1", "hooks", "hooks.shop.svc", "hooks.shop.svc.cluster.local", "nas.local", "host.docker.internal",
	]
	address.is_internal(host)
}

test_outside_hosts[host] if {
	some host in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "example.com", "10.example.com", "svc.example.com", "999.1.1.1"]
	not address.is_internal(host)
	not address.is_loopback(host)
}
