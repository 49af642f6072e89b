package lockkeeper.insecure_flags_test

import data.lockkeeper.insecure_flags as policy
import data.lockkeeper.lib.fixture

warned(members) := violations if {
	violations := policy.warn with input as fixture.container(members)
}

flags(violations) := {violation.details.flag | some violation in violations}

test_a_dashboard_without_a_login_is_a_warning if {
	warned({"image": "kubernetesui/dashboard:v2.7.0", "args": ["--port=8443", "--enable-skip-login"]}) == {{
		"msg": `container "web" is started with enable-skip-login: everybody who reaches it has the rights of its account`,
		"path": "/spec/containers/0/args/1",
		"details": {"container": "web", "flag": "enable-skip-login"},
		"remedy": {"text": "remove the option, and let people log in"},
	}}
}

test_tiller_without_tls_is_a_warning if {
	warned({"image": "ghcr.io/helm/tiller:v2.17.0", "command": ["/tiller"]}) == {{
		"msg": `container "web" is started without tls-verify: everybody who reaches it has the rights of its account`,
		"path": "/spec/containers/0",
		"details": {"container": "web", "flag": "tls-verify"},
		"remedy": {"text": "set tls-verify, or let it listen on localhost only"},
	}}
}

test_these_switch_it_off[name] if {
	some name, case in {
		"anonymous kubelet": [["kubelet", "--anonymous-auth=true"], "anonymous-auth"],
		"a bare boolean": [["kubelet", "--anonymous-auth"], "anonymous-auth"],
		"a boolean before another word": [["kubelet", "--anonymous-auth", "--v=2"], "anonymous-auth"],
		"always allow": [["/usr/bin/kube-apiserver", "--authorization-mode=Node,AlwaysAllow"], "authorization-mode"],
		"two words": [["kube-apiserver", "--authorization-mode", "AlwaysAllow"], "authorization-mode"],
		"one dash": [["etcd", "-client-cert-auth=false"], "client-cert-auth"],
		"quoted": [["jupyter", "notebook", "--NotebookApp.token=''"], "notebookapp.token"],
		"an empty value": [["jupyter", "lab", "--ServerApp.token="], "serverapp.token"],
		"a shell's text": [["sh", "-c", "exec redis-server; redis --protected-mode no"], "protected-mode"],
		"a prefix": [["etcd", "--listen-client-urls=https://127.0.0.1:2379,http://0.0.0.0:2379"], "listen-client-urls"],
		"any but": [["kubelet", "--read-only-port=10255"], "read-only-port"],
		"docker without TLS": [["dockerd", "--host=tcp://0.0.0.0:2375"], "host"],
	}
	flags(warned({"command": case[0]})) == {case[1]}
}

test_these_do_not[name] if {
	some name, members in {
		"off": {"command": ["kubelet", "--anonymous-auth=false"]},
		"other modes": {"command": ["kube-apiserver", "--authorization-mode=Node,RBAC"]},
		"a port that is off": {"command": ["kubelet", "--read-only-port=0"]},
		"local": {"command": ["etcd", "--listen-client-urls=http://127.0.0.1:2379"]},
		"another program": {"image": "shop/web:1.4.2", "args": ["--host=tcp://0.0.0.0:2375", "--anonymous-auth"]},
		"a longer name": {"command": ["kubelet", "--anonymous-auth-report=true"]},
		"a token": {"command": ["jupyter", "lab", "--ServerApp.token=$(TOKEN)"]},
		"a sentence": {"command": ["kubelet"], "args": ["anonymous-auth"]},
		"tiller with TLS": {"image": "tiller:v2.17.0", "args": ["--tls-verify=true"]},
		"tiller with TLS in a variable": {"image": "tiller:v2.17.0", "env": [{"name": "TILLER_TLS_VERIFY", "value": "1"}]},
		"tiller on this host": {"image": "tiller:v2.17.0", "command": ["/tiller", "--listen=localhost:44134"]},
		"no command": {},
		"garbage": {"image": 3, "command": "kubelet --anonymous-auth", "args": [null, 3, ["--anonymous-auth"]]},
	}
	warned(members) == set()
}

test_tiller_with_another_address_or_without_verification_is_a_warning[args] if {
	some args in [["--tls-verify=false"], ["--listen=:44134"], ["--tls"]]
	flags(warned({"image": "tiller:v2.17.0", "args": args})) == {"tls-verify"}
}

test_all_containers_of_all_kinds_are_read if {
	bad := {"name": "x", "image": "rancher/kubelet:1", "args": ["--anonymous-auth"]}
	pod := policy.warn with input as fixture.pod({"containers": [], "initContainers": [bad], "ephemeralContainers": [bad]})
	fixture.paths(pod) == {"/spec/initContainers/0/args/0", "/spec/ephemeralContainers/0/args/0"}
	job := policy.warn with input as fixture.cron_job({"containers": [bad]})
	fixture.paths(job) == {"/spec/jobTemplate/spec/template/spec/containers/0/args/0"}
}

test_expected_flags_are_allowed if {
	members := {"image": "kubernetesui/dashboard:v2.7.0", "args": ["--enable-skip-login", "--enable-insecure-login"]}
	request := fixture.with_parameters(fixture.container(members), {"allowedFlags": ["enable-insecure-login"]})
	violations := policy.warn with input as request
	flags(violations) == {"enable-skip-login"}
	tiller := policy.warn with input as fixture.with_parameters(fixture.container({"image": "tiller:v2"}), {"allowedFlags": ["tls-verify"]})
	tiller == set()
}

test_every_row_names_its_danger_and_its_source if {
	every rows in data.lockkeeper["insecure-flags"].list {
		every row in rows {
			startswith(row.source, "https://")
			count(row.danger) > 10
			count(row.programs) > 0
		}
	}
}
