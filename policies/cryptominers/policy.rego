# METADATA
# title: Cryptocurrency miners
# description: |
#   What intruders start most often in somebody else's cluster is a miner: it takes all the processors there are, and is
#   the sign that somebody else can start workloads. Names of miners, pools and their protocol give it away.
# custom:
#   severity: high
#   controls: ["MITRE:T1496", "NIST:SP800-190:4.1.3"]
#   docs: https://attack.mitre.org/techniques/T1496/
#   match:
#     workloads: true
#   parameters:
#     # Words in the image's name that are expected: the name of a pool's own monitoring, for example.
#     allowedWords: []
package lockkeeper.cryptominers

import data.lockkeeper.lib.image
import data.lockkeeper.lib.workload

deny contains violation if {
	_hinted
	some pointer, found in image.images
	some word in _image_words
	contains(lower(found.image), word)
	not word in _allowed_words
	violation := {
		"msg": sprintf(`%s: image "%s" has the name of a cryptocurrency miner (%s)`, [image.label(found), found.image, word]),
		"path": pointer,
		"details": object.union(image.details(found), {"word": word}),
		"remedy": {"text": _remedy},
	}
}

deny contains violation if {
	_hinted
	some pointer, entry in workload.containers
	some [place, text] in _texts(entry.container)
	some word in _command_words
	contains(lower(text), word)
	not word in _allowed_words
	violation := {
		"msg": sprintf("%s: %s looks like the start of a cryptocurrency miner (%s)", [workload.label(entry), place, word]),
		"path": concat("", [pointer, "/", place]),
		"details": {"container": workload.name(entry.container), "field": place, "word": word},
		"remedy": {"text": _remedy},
	}
}

_remedy := "do not run it; find out who made this change and what else that account changed"

_image_words := {
	"xmrig", "monero", "minerd", "cpuminer", "xmr-stak", "nbminer", "phoenixminer", "t-rex-miner", "lolminer", "coinminer",
}

_command_words := {
	"stratum+tcp:", "stratum+ssl:", "stratum+tls:", "stratum2+tcp:",
	"xmrig", "minerd ", "cpuminer", "xmr-stak", "--donate-level", "--coin=monero",
	"supportxmr.com", "minexmr.com", "moneroocean.stream", "c3pool.", "2miners.com", "nanopool.org", "herominers.com",
	"hashvault.pro", "nicehash.com", "unmineable.com", "pool.minergate.com",
}

# One search over all texts, for a part of each word above: nearly no workload has one.
_hinted if regex.match(
	`stratum|xmr|miner|monero|donate-level|c3pool|nanopool|hashvault|nicehash|unmineable`,
	lower(concat(" ", array.concat(_all_images, _all_words))),
)

_all_images := [found.image | some found in image.images]

_all_words := array.concat(
	[word |
		some entry in workload.containers
		some field in ["command", "args"]
		some word in entry.container[field]
		is_string(word)
	],
	[variable.value |
		some entry in workload.containers
		some variable in entry.container.env
		is_string(variable.value)
	],
)

# The words of a command as one text each: a miner's options stand in elements of their own.
_texts(container) := [[field, text] |
	some field in ["command", "args", "env"]
	is_array(container[field])
	text := concat(" ", _words(container[field]))
]

_words(list) := array.concat(
	[word | some word in list; is_string(word)],
	[variable.value | some variable in list; is_string(variable.value)],
)

default _allowed_words := []

_allowed_words := input.parameters.allowedWords
