# METADATA
# title: Addresses
# description: Tells the addresses that stay inside the cluster and its network from those that do not.
package lockkeeper.lib.address

# The host of an address with a scheme, in lower case, without port and brackets.
host_of(url) := _host(authority) if {
	is_string(url)
	parts := split(url, "://")
	count(parts) == 2
	with_user := split(split(split(parts[1], "/")[0], "?")[0], "@")
	authority := lower(with_user[count(with_user) - 1])
}

_host(authority) := split(trim_prefix(authority, "["), "]")[0] if startswith(authority, "[")

_host(authority) := split(authority, ":")[0] if not startswith(authority, "[")

# The machine itself.
is_loopback(host) if host == "localhost"

is_loopback(host) if {
	is_ip(host)
	net.cidr_contains(_loopbacks[_version(host)], host)
}

# A private address, or a name that no public resolver knows.
is_internal(host) if is_loopback(host)

is_internal(host) if {
	is_ip(host)
	some network in _private[_version(host)]
	net.cidr_contains(network, host)
}

is_internal(host) if {
	not is_ip(host)
	not contains(host, ".")
}

is_internal(host) if {
	not is_ip(host)
	some suffix in _suffixes
	endswith(host, suffix)
}

is_ip(host) if contains(host, ":")

is_ip(host) if {
	contains(host, ".")
	trim(host, "0123456789.") == ""
}

_version(host) := 6 if contains(host, ":")

_version(host) := 4 if not contains(host, ":")

_loopbacks := {4: "127.0.0.0/8", 6: "::1/128"}

# RFC 1918, RFC 6598 (carriers, and many cloud networks), RFC 3927, RFC 4193, RFC 4291.
_private := {
	4: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"],
	6: ["fc00::/7", "fe80::/10"],
}

_suffixes := [".svc", ".cluster.local", ".local", ".internal", ".localhost", ".lan", ".home.arpa"]
