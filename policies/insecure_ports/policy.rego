# METADATA
# title: Insecure and administrative ports
# description: |
#   Telnet and its kin send logins in plain text; databases, file shares and the interfaces that control nodes are made for
#   a trusted network. Open to the outside they are found within hours and taken without an exploit.
# custom:
#   severity: high
#   controls: ["MITRE:T1133", "NIST:SP800-53:CM-7"]
#   # What is open already stays writable, so that an upgrade of its labels does not fail; what is opened is new.
#   ratchet: true
#   docs: https://www.iana.org/assignments/service-names-port-numbers/
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Service]
#   parameters:
#     # As `TCP/5432`.
#     allowed: []
package lockkeeper.insecure_ports

# What hands over a node or a login to whoever connects.
deny contains violation if {
	_is_open
	some [path, key, row] in _rows
	row.use in {"control", "login"}
	violation := _violation(path, key, sprintf("%s is open to the outside: %s", [row.title, row.danger]))
}

warn contains violation if {
	_is_open
	some [path, key, row] in _rows
	row.use == "data"
	violation := _violation(path, key, sprintf("%s is open to the outside: %s", [row.title, row.danger]))
}

warn contains violation if {
	not _is_open
	some [path, key, row] in _rows
	row.use == "login"
	violation := _violation(path, key, sprintf("%s: %s", [row.title, row.danger]))
}

_violation(path, key, text) := {
	"msg": sprintf("port %s, %s", [key, text]),
	"path": path,
	"details": {"port": key},
	"remedy": {"text": "use a protocol with TLS and authentication, and keep the Service inside the cluster"},
}

# The listed ports of the Service: its own number, or else the one that it leads to.
_rows contains [path, key, data.lockkeeper.ports.list[key]] if {
	ports := input.review.object.spec.ports
	is_array(ports)
	some i, port in ports
	field := _listed_field(port)
	key := _key(port, field)
	path := concat("", ["/spec/ports/", format_int(i, 10), "/", field])
}

_listed_field(port) := "port" if {
	_is_listed(port, "port")
} else := "targetPort" if {
	_is_listed(port, "targetPort")
}

_is_listed(port, field) if {
	key := _key(port, field)
	data.lockkeeper.ports.list[key]
	not key in _allowed
}

_key(port, field) := concat("/", [_protocol(port), format_int(port[field], 10)]) if is_number(port[field])

default _protocol(_) := "TCP"

_protocol(port) := port.protocol if is_string(port.protocol)

_is_open if input.review.object.spec.type in {"NodePort", "LoadBalancer"}

_is_open if count(input.review.object.spec.externalIPs) > 0

default _allowed := []

_allowed := input.parameters.allowed
