package lockkeeper.lib.image_reference_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.image_reference

is_valid(reference) if {
	image_reference.is_valid(reference) with input as fixture.container({"image": reference})
}

test_references if {
	valid := {
		"web",
		"shop/web:1.4.2",
		"registry.example:5000/shop/web",
		"Registry.example/web:V1_2",
		"web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	}
	every reference in valid {
		is_valid(reference)
	}
}

test_other_texts if {
	invalid := {
		"Web",
		"ko://example.com/cmd/web",
		"$(params.IMAGE)",
		"web:",
		"web@sha256:0123",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	}
	every reference in invalid {
		not is_valid(reference)
	}
}

test_the_tag_is_what_follows_the_last_colon_of_the_name if {
	tags := {"web:1.4.2": "1.4.2", "registry.example:5000/web": "", "web:1@sha256:0123": "1"}
	every reference, tag in tags {
		image_reference.tag(reference) == tag
	}
}
