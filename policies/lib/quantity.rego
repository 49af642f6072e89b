# METADATA
# title: Quantities
# description: Reads Kubernetes resource quantities in every spelling the API server takes.
package lockkeeper.lib.quantity

# The number that a quantity stands for: cores for cpu, bytes for memory. Undefined for what is no quantity.
value(quantity) := quantity if is_number(quantity)

value(quantity) := number if {
	is_string(quantity)
	suffix := _suffix(quantity)
	[factor, divisor] := _factors[suffix]
	number := (_number(substring(quantity, 0, count(quantity) - count(suffix))) * factor) / divisor
}

_factors := {
	"n": [1, 1000000000], "u": [1, 1000000], "m": [1, 1000], "": [1, 1],
	"k": [1000, 1], "M": [1000000, 1], "G": [1000000000, 1],
	"T": [1000000000000, 1], "P": [1000000000000000, 1], "E": [1000000000000000000, 1],
	"Ki": [1024, 1], "Mi": [1048576, 1], "Gi": [1073741824, 1],
	"Ti": [1099511627776, 1], "Pi": [1125899906842624, 1], "Ei": [1152921504606846976, 1],
}

_suffix(quantity) := last if {
	last := substring(quantity, count(quantity) - 1, 1)
	_factors[last]
	last != ""
} else := last_two if {
	count(quantity) > 2
	last_two := substring(quantity, count(quantity) - 2, 2)
	_factors[last_two]
} else := ""

# JSON's numbers know no plus sign, no zeros in front and no point at either end.
_number(text) := to_number(plain) if {
	bare := trim_right(trim_left(text, "+0"), ".")
	plain := concat("", [_zero(text, bare), bare])
	not regex.match(`[^0-9.eE+-]`, plain)
}

_zero(text, bare) := "0" if {
	count(text) > count(bare)
	_needs_zero(bare)
} else := "0" if {
	startswith(bare, ".")
} else := ""

_needs_zero("")

_needs_zero(bare) if startswith(bare, ".")

_needs_zero(bare) if startswith(bare, "e")

_needs_zero(bare) if startswith(bare, "E")
