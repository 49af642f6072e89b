# METADATA
# title: Commands
# description: |
#   What a command line does that people seldom mean: it opens a shell for somebody outside, runs what it loads from the
#   network, sends a credential away. Texts are in lower case; no answer holds a part of one.
package lockkeeper.lib.command

# The words of a command with single spaces between them, in lower case.
text(command) := lower(concat(" ", [word | some part in command; is_string(part); some word in split(part, " "); word != ""]))

has_any(value, signs) if {
	some sign in signs
	contains(value, sign)
}

# Signs for a command that somebody types, where a wrong guess costs little: reverse shells …
shell_signs := {
	"/dev/tcp/",
	"/dev/udp/",
	"nc -e",
	"nc -c ",
	"ncat -e",
	"netcat -e",
	"ncat --exec",
	"ncat --sh-exec",
	"socat exec:",
	"socat tcp",
	"socat openssl",
	"mkfifo /",
	"pty.spawn",
	"fsockopen(",
	"tcpsocket.new",
	"socket.socket(",
	"bash -i >&",
	"sh -i >&",
	"sh -i 2>&1",
}

# … downloads, and what runs its input or makes a file a program …
download_signs := {"curl ", "wget ", "fetch ", "base64 -d", "base64 --decode"}

run_signs := {
	"|sh", "| sh", "|bash", "| bash", "|python", "| python", "|perl", "| perl", "<(curl", "<(wget", "$(curl", "$(wget",
	"chmod +x", "chmod 7",
}

# … and the places of credentials.
credential_signs := {
	"/var/run/secrets/", "/run/secrets/kubernetes.io", "169.254.169.254", "metadata.google.internal", "/etc/shadow",
	".kube/config", ".docker/config.json",
}

# What a text does, by name: {"reverse-shell"}. It takes its time: ask `suspicious` of many texts at once first.
patterns(value) := {name |
	names := {name | some name in _names; _may(name, value)}
	count(names) > 0
	statements := split(_separated(value), ";")
	found := {"text": value, "bare": _bare(value), "statements": statements, "pipelines": _pipelines([statement | some statement in statements; _is_interesting(statement)])}
	some name in names
	_does(name, found)
}

# Holds for every text that does one of these things, whatever its case, and for few others.
suspicious(value) if regex.match(
	`(?i)curl|wget|dev/tcp|dev/udp|socket|socat|fsock|nc[ .]|ncat|netcat|telnet|base64|base32|b64|xxd|openssl|inet/|child_`,
	value,
)

suspicious(value) if regex.match(
	`(?i)nsenter|chroot|crictl|erdctl|ctr |kubectl [acde]|preload|release_agent|core_pattern|proc/1/|[rod]\.sock|mount /dev/|security-cred`,
	value,
)

suspicious(value) if regex.match(
	`(?i)tcpclient|urlopen|oadstring|invoke-|iwr |irm |git clone|shadow|default/token|oauth2/token|kube-env|atob`,
	value,
)

_names := {
	"reverse-shell", "credential-sent", "credential-used", "metadata-credential", "decoded-script", "download-run", "miner-download",
	"preload", "node-entry",
}

# Cheap, and holds for every text that does it: one search for all signs, where `contains` would go through a long script for
# each of them.
_may("reverse-shell", value) if regex.match(`/dev/tcp/|/dev/udp/|socket|socat|fsockopen|nc[ .]|ncat|netcat|telnet|s_client|/inet/tcp/|tcpclient|child_process`, value)

_may(name, value) if {
	name in {"credential-sent", "credential-used"}
	regex.match(
		`serviceaccount/token|/run/secrets/|/etc/shadow|kube/config|docker/config|aws/credentials|ssh/id_|kubernetes/admin|kubernetes/pki`,
		value,
	)
}

_may(name, value) if {
	name in {"credential-sent", "credential-used", "metadata-credential"}
	regex.match(`/iam/security-cred|default/token|identity/oauth2/token|/ram/security-cred|kube-env`, value)
}

_may("credential-sent", value) if regex.match(`get secret|create token|env \||env\|`, value)

_may("decoded-script", value) if regex.match(`base64|base32|xxd -r|openssl enc|b64|atob`, value)

_may("download-run", value) if regex.match(`curl |wget |urlopen|requests\.get|downloadstring|invoke-|iwr |irm `, value)

_may("miner-download", value) if regex.match(`xmrig|xmr-stak|cpuminer|minerd|nbminer|lolminer|phoenixminer|t-rex-miner`, value)

_may("preload", value) if regex.match(`ld_preload=|ld\.so\.preload`, value)

_may("node-entry", value) if regex.match(
	`nsenter|chroot|crictl|ctr |nerdctl|kubectl [acde]|release_agent|core_pattern|proc/1/|[rod]\.sock|etc/cron|root/\.ssh|mount /dev/`,
	value,
)

# Statements as pipelines, each a list of stages: {"text", "words": without quotes and brackets,
# "names": the words' last path segments, "program": the index of the one that runs}.
_pipelines(statements) := [[_stage(part) | some part in split(statement, "|")] |
	some statement in statements
]

_is_interesting(statement) if regex.match(
	`curl|wget|base64|base32|xxd|openssl|nc[ .]|ncat|netcat|telnet|socat|dev/tcp/|dev/udp/|chroot|crictl|ctr |nerdctl|kubectl [acde]|sh -[il]`,
	statement,
)

# A shell for somebody outside.
_does("reverse-shell", found) if {
	some sets in _shell_rows
	_has_each(found.bare, sets)
}

_does("reverse-shell", found) if {
	contains(found.text, "socat ")
	has_any(found.bare, _socat_shells)
}

_does("reverse-shell", found) if {
	has_any(found.text, {"/dev/tcp/", "/dev/udp/"})
	some pipeline in found.pipelines
	some stage in pipeline
	_is_interactive(stage)
}

_does("reverse-shell", found) if {
	some pipeline in found.pipelines
	some stage in pipeline
	_runs_netcat(stage)
}

# What comes over the network into a shell, or what such a shell says into the network.
_does("reverse-shell", found) if {
	some pipeline in found.pipelines
	count(pipeline) > 1
	some stage in pipeline
	_is_connection(stage)
	some other in pipeline
	_reads_input(other)
}

# Text in base64 and the like that is decoded into a shell.
_does("decoded-script", found) if {
	some pipeline in found.pipelines
	_into_shell(pipeline, _decodes)
}

_does("decoded-script", found) if {
	some chunk in _substituted(found.bare)
	has_any(chunk, _decodes)
}

_does("decoded-script", found) if has_any(found.bare, _decoded_code)

# A program or script from the network.
_does("download-run", found) if {
	some pipeline in found.pipelines
	_into_shell(pipeline, _downloads)
}

_does("download-run", found) if {
	some chunk in _substituted(found.bare)
	has_any(chunk, _downloads)
}

_does("download-run", found) if {
	some sets in _download_rows
	_has_each(found.text, sets)
}

_does("download-run", found) if {
	names := _loaded(found.pipelines)
	count(names) > 0
	count(names & _run(_pipelines([statement | some statement in found.statements; has_any(statement, names)]))) > 0
}

_does("miner-download", found) if has_any(found.text, {"curl ", "wget ", "git clone "})

# A credential that goes to an address outside the cluster in one statement.
_does("credential-sent", found) if {
	some pipeline in found.pipelines
	sources := [i | some i, stage in pipeline; _has_credential(stage)]
	targets := [i | some i, stage in pipeline; _goes_out(stage)]
	min(sources) < max(targets)
}

_does("credential-sent", found) if {
	some pipeline in found.pipelines
	some stage in pipeline
	_has_credential(stage)
	_sends_file(stage)
	not _stays(stage)
}

# A credential, and an address outside the cluster, wherever they stand.
_does("credential-used", found) if {
	some pipeline in found.pipelines
	some stage in pipeline
	_names_outside(stage)
}

_does("metadata-credential", _)

# Programs that work on the node or in other containers.
_does("node-entry", found) if regex.match(
	`proc/1/root|release_agent|kernel/core_pattern|/host/etc/cron|/host/root/\.ssh|(?:docker|containerd|crio)\.sock|mount /dev/(?:sd|vd|xvd|nvme)`,
	found.text,
)

_does("node-entry", found) if {
	some pipeline in found.pipelines
	some stage in pipeline
	_is_entry(_program(stage), _argument(stage, 1))
}

_does("node-entry", found) if {
	contains(found.text, "nsenter ")
	has_any(found.text, {"-t 1 ", "-t1 ", "--target 1 ", "--target=1 ", "/proc/1/ns"})
}

_does("preload", found) if contains(found.text, "/etc/ld.so.preload")

_does("preload", found) if {
	contains(found.text, "ld_preload=")
	has_any(found.bare, {"ld_preload=/tmp/", "ld_preload=/var/tmp/", "ld_preload=/dev/shm/", "ld_preload=./", "ld_preload=$(pwd)"})
}

# A pipe goes on in the next line; other ends of a line, `&&`, `||` and `&` end a statement.
_separated(value) := replace(replace(pipes, " & ", ";"), "\n", ";") if {
	statements := replace(replace(replace(value, "\\\n", " "), "||", ";"), "&&", ";")
	pipes := replace(replace(statements, "|\n", "|"), "|&", "|")
}

_stage(part) := {"text": part, "words": words, "names": names, "program": min(programs)} if {
	words := [word | some piece in split(_spaced(part), " "); word := trim(piece, "\"'`(){}$\\\t\r"); word != ""]
	names := [segments[count(segments) - 1] | some word in words; segments := split(word, "/")]
	programs := {i | some i, word in words; not _is_prefix(word); not _has_script(words, names, i)} | {count(words)}
}

# The program of `name=$(program …)` is a word of its own.
_spaced(part) := part if not contains(part, "=$(")

_spaced(part) := replace(part, "=$(", "= ") if contains(part, "=$(")

# A shell that is given its script as an option: what runs is in the script.
_has_script(words, names, i) if {
	names[i] in _shells
	some word in array.slice(words, i + 1, i + 5)
	_is_short_option(word)
	contains(word, "c")
}

# Words that may stand before a program's name.
_is_prefix(word) if word in {"sudo", "env", "exec", "nohup", "time", "timeout", "command", "busybox", "xargs", "then", "do", "else", "if", "while", "!", "pipefail"}

_is_prefix(word) if startswith(word, "-")

_is_prefix(word) if contains(word, "=")

# Letters behind one dash.
_is_short_option(word) if {
	startswith(word, "-")
	not startswith(word, "--")
	count(word) < 9
}

_program(stage) := stage.names[stage.program]

default _argument(_, _) := ""

_argument(stage, i) := stage.words[stage.program + i]

_shells := {"sh", "bash", "ash", "dash", "zsh", "ksh"}

_interpreters := {"python", "python2", "python3", "perl", "ruby", "php", "node"}

# A shell that takes its commands from its input.
_reads_input(stage) if {
	_program(stage) in _shells
	not _has_file(stage)
}

_reads_input(stage) if {
	_program(stage) in _interpreters
	_argument(stage, 1) in {"", "-"}
}

_has_file(stage) if regex.match(`^[a-z./_~]`, _argument(stage, 1))

_is_interactive(stage) if {
	some i, name in stage.names
	name in _shells
	option := stage.words[i + 1]
	_is_short_option(option)
	contains(option, "i")
}

# In one pipeline, a stage that has a sign before one that is a shell.
_into_shell(pipeline, signs) if {
	sources := [i | some i, stage in pipeline; has_any(stage.text, signs)]
	shells := [i | some i, stage in pipeline; _reads_input(stage)]
	min(sources) < max(shells)
}

_netcats := {"nc", "ncat", "netcat", "nc.traditional", "nc.openbsd"}

_runs_netcat(stage) if {
	some i, name in stage.names
	name in _netcats
	some j in numbers.range(i + 1, i + 8)
	_is_exec_option(stage.words[j])
	stage.names[j + 1] in (_shells | {"cmd.exe", "powershell"})
}

_runs_netcat(stage) if {
	some name in stage.names
	name in _netcats
	has_any(stage.text, {"-e/bin/", "--exec=", "--sh-exec="})
}

_is_exec_option(word) if word in {"--exec", "--sh-exec"}

_is_exec_option(word) if {
	_is_short_option(word)
	some letter in ["c", "e"]
	endswith(word, letter)
}

_is_connection(stage) if _program(stage) in (_netcats | {"telnet"})

_is_connection(stage) if has_any(stage.text, {"openssl s_client", "/dev/tcp/", "/dev/udp/"})

# A text has a row's shell where it has one of each of the row's sets.
_shell_rows := [
	[{"/dev/tcp/", "/dev/udp/"}, {"0>&1", "0<&1", "sh <&", "sh 0<&", "sh <>", "do $"}],
	[{"socket"}, {"dup2(", "pty.spawn("}],
	[{"socket"}, {".fileno("}, {"subprocess", "popen"}, {"/sh", "bash"}],
	[{"socket"}, {"open(stdin,", "stdin->fdopen"}],
	[{"fsockopen(", "stream_socket_client("}, {"exec(", "proc_open(", "popen(", "system(", "passthru("}, {"/sh", "bash", "sh -i", "sh <&"}],
	[{"tcpsocket."}, {"exec", "spawn", "popen"}, {"sh"}],
	[{"child_process"}, {"net.socket", "net.connect", ".connect("}, {".pipe("}, {"/sh", "bash", "(sh"}],
	[{"require(socket)"}, {"os.execute", "io.popen"}, {"connect("}],
	[{"/inet/tcp/"}, {"|&"}, {"getline"}],
	[{"net.sockets.tcpclient"}, {"iex", "invoke-expression", "cmd.exe"}],
]

_socat_shells := {sign |
	some address in ["exec", "system"]
	some directory in ["", "/bin/", "/usr/bin/"]
	some shell in _shells
	sign := concat("", [address, ":", directory, shell])
}

_has_each(value, sets) if {
	every signs in sets {
		has_any(value, signs)
	}
}

_downloads := {"curl ", "wget "}

_download_rows := [
	[{"urlopen(", "requests.get("}, {"exec("}],
	[{"downloadstring(", "invoke-webrequest", "invoke-restmethod", "iwr ", "irm "}, {"iex", "invoke-expression"}],
]

_decodes := {"base64 -d", "base64 --d", "base64 -i -d", "base32 -d", "base32 --d", "openssl base64 -d", "openssl enc -d", "xxd -r"}

_decoded_code := {
	"exec(base64.b64decode(", "exec(b64decode(", "exec(__import__(base64)", "eval(base64_decode(", "eval(decode_base64(", "eval(atob(",
}

_bare(value) := replace(replace(replace(value, "\"", ""), "'", ""), "\\", "")

# What a shell is given to run that another command prints: $(…) behind -c and eval, and <(…).
_substituted(text_without_quotes) := {split(chunk, ")")[0] |
	bare := replace(text_without_quotes, "`", "$(")
	some opening in ["sh -c $(", "eval $(", "sh <(", "source <(", " . <(", "python <(", "python3 <("]
	contains(bare, opening)
	some i, chunk in split(bare, opening)
	i > 0
}

# The names of files that are downloaded, and of those that are run.
_loaded(parts) := {name |
	some pipeline in parts
	some stage in pipeline
	some loader in stage.names
	loader in {"curl", "wget"}
	some name in _outputs(stage)
	not name in {"", "-", "null"}
}

_outputs(stage) := ({name |
	some i, word in stage.words
	_is_output_option(word)
	name := stage.names[i + 1]
} | {name |
	some i, word in stage.words
	contains(word, "://")
	_keeps_name(stage)
	name := stage.names[i]
}) | {name |
	some prefix in [">", "-o/", "--output=", "--output-document="]
	some i, word in stage.words
	startswith(word, prefix)
	name := trim_left(stage.names[i], ">")
}

_is_output_option(word) if word in {"--output", "--output-document", ">", "1>"}

_is_output_option(word) if {
	_is_short_option(word)
	endswith(word, "o")
}

_keeps_name(stage) if "wget" in stage.names

_keeps_name(stage) if {
	some word in stage.words
	_is_short_option(word)
	contains(word, "o")
}

_run(parts) := {_program(stage) | some pipeline in parts; some stage in pipeline} | {name |
	some pipeline in parts
	some stage in pipeline
	_program(stage) in ((_shells | _interpreters) | {".", "source"})
	some name in array.slice(stage.names, stage.program + 1, stage.program + 4)
}

# Files and addresses that hold credentials as they are.
_credentials := _metadata | {
	"serviceaccount/token", "/run/secrets/kubernetes.io/", "/run/secrets/eks.amazonaws.com/", "/etc/shadow", ".kube/config",
	".docker/config.json", ".aws/credentials", ".ssh/id_", "/etc/kubernetes/admin.conf", "/etc/kubernetes/pki/",
}

_metadata := {
	"/iam/security-credentials", "/service-accounts/default/token", "/metadata/identity/oauth2/token", "/ram/security-credentials",
	"/attributes/kube-env",
}

_has_credential(stage) if has_any(stage.text, _credentials)

_has_credential(stage) if {
	"kubectl" in stage.names
	has_any(stage.text, {"get secret", "create token"})
}

_has_credential(stage) if stage.names[count(stage.names) - 1] in {"env", "printenv"}

_goes_out(stage) if {
	_sends(stage)
	not _stays(stage)
}

_sends(stage) if {
	some name in stage.names
	name in (_netcats | {"curl", "wget", "telnet", "socat"})
}

_sends(stage) if has_any(stage.text, {"openssl s_client", "/dev/tcp/", "/dev/udp/"})

# The same stage holds both: a file that is posted, a text in an address, what a connection is given.
_sends_file(stage) if has_any(_bare(stage.text), {"@/var/run/secrets/", "@/run/secrets/", "@/etc/", "@/root/.", "--post-file", "--upload-file", "-t /var/run/secrets/", "-t /run/secrets/"})

_sends_file(stage) if {
	some name in stage.names
	name in _netcats
}

_sends_file(stage) if has_any(stage.text, {"> /dev/tcp/", ">/dev/tcp/", "> /dev/udp/", ">/dev/udp/"})

_sends_file(stage) if {
	some address in _addresses(stage)
	has_any(address, {"$(cat", "$(<", "`cat"})
}

# Every address is one of the cluster, or there is none but this host; and logins to Vault, which takes such tokens.
_stays(stage) if {
	addresses := _addresses(stage)
	count(addresses) > 0
	every address in addresses {
		_is_inside(_host(address))
	}
}

_stays(stage) if {
	some word in stage.words
	word in {"localhost", "127.0.0.1"}
}

_stays(stage) if contains(stage.text, "/v1/auth/")

_names_outside(stage) if {
	_sends(stage)
	some address in _addresses(stage)
	not _is_inside(_host(address))
}

_names_outside(stage) if {
	_is_connection(stage)
	not _stays(stage)
	not _only_asks(stage)
}

# nc -z says whether somebody listens.
_only_asks(stage) if {
	some word in stage.words
	_is_short_option(word)
	contains(word, "z")
}

_addresses(stage) := {split(part, " ")[0] | some i, part in split(stage.text, "://"); i > 0}

_host(address) := split(behind[count(behind) - 1], ":")[0] if {
	behind := split(split(trim(address, "\"'`)("), "/")[0], "@")
}

_is_inside(host) if not contains(host, ".")

_is_inside(host) if host in {"127.0.0.1", "kubernetes.default", "169.254.169.254", "metadata.google.internal", "100.100.100.200"}

_is_inside(host) if endswith(host, ".svc")

_is_inside(host) if endswith(host, ".cluster.local")

_is_entry("chroot", argument) if startswith(argument, "/")

_is_entry(program, argument) if {
	program in {"crictl", "ctr", "nerdctl"}
	argument != ""
}

_is_entry("kubectl", argument) if argument in {"exec", "debug", "attach", "cp"}
