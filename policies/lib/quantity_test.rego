package lockkeeper.lib.quantity_test

import data.lockkeeper.lib.quantity

test_a_quantity_is_worth[spelling] if {
	some spelling, wanted in {
		"1": 1, "0": 0, "00": 0, "250m": 0.25, "0.5": 0.5, ".5": 0.5, "5.": 5, "+2": 2, "0100m": 0.1,
		"1Ki": 1024, "64Mi": 67108864, "2Gi": 2147483648, "1.5Gi": 1610612736, "1Ti": 1099511627776,
		"1k": 1000, "2M": 2000000, "3G": 3000000000, "1E": 1000000000000000000, "1e3": 1000, "1E3": 1000, "0e3": 0, "12e6": 12000000,
	}
	quantity.value(spelling) == wanted
}

test_a_number_is_a_quantity if {
	quantity.value(2) == 2
	quantity.value(0.1) == 0.1
}

test_this_is_no_quantity[text] if {
	some text in ["", "m", "Gi", "one", "1 Gi", "1gi", "1Kib", "0x10", null, true, [], {}]
	not quantity.value(text)
}
