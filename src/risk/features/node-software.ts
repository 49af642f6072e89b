import { imageParts } from './images.js'

/** What runs on nodes in most clusters: network, storage, devices, logs, metrics, guards, and their usual sidecars. */
const NODE_SOFTWARE: readonly string[] = [
  ...['cni', 'calico', 'cilium', 'hubble', 'flannel', 'flanneld', 'weave-kube', 'weave-npc', 'kube-router', 'canal'],
  ...['antrea', 'multus', 'sriov', 'ovn', 'ovs', 'openvswitch', 'whereabouts', 'ovnkube', 'kube-ovn', 'typha', 'felix'],
  ...[
    'istio',
    'ztunnel',
    'proxyv2',
    'proxy-init',
    'linkerd',
    'envoy',
    'ingress',
    'nginx-ingress',
    'traefik',
    'haproxy',
  ],
  ...['metallb', 'speaker', 'frr', 'kube-vip', 'keepalived', 'wireguard', 'tailscale', 'svclb', 'klipper-lb'],
  ...['kube-proxy', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-state-metrics', 'hyperkube'],
  ...['etcd', 'coredns', 'node-local-dns', 'k8s-dns', 'kube-rbac-proxy', 'oauth2-proxy', 'oauth-proxy'],
  ...['csi', 'livenessprobe', 'driver-registrar', 'node-driver-registrar', 'external-provisioner', 'external-attacher'],
  ...['external-snapshotter', 'external-resizer', 'snapshot-controller', 'provisioner', 'longhorn', 'rook', 'ceph'],
  ...['cephcsi', 'openebs', 'node-disk-manager', 'linstor', 'drbd', 'portworx', 'gluster', 'nfs', 'smb'],
  ...['cloud-controller-manager', 'ccm', 'cloud-provider', 'cinder', 'manila', 'vsphere', 'ebs', 'efs', 'azuredisk'],
  ...['node-exporter', 'windows-exporter', 'smartctl-exporter', 'dcgm-exporter', 'exporter', 'cadvisor', 'heapster'],
  ...[
    'node-problem-detector',
    'node-feature-discovery',
    'fluentd',
    'fluent-bit',
    'fluentbit',
    'filebeat',
    'metricbeat',
  ],
  ...['packetbeat', 'auditbeat', 'journalbeat', 'elastic-agent', 'promtail', 'alloy', 'grafana-agent', 'logspout'],
  ...['vector', 'telegraf', 'collectd', 'netdata', 'otel', 'opentelemetry', 'otelcol', 'collector', 'beyla', 'pixie'],
  ...['datadog', 'newrelic', 'dynatrace', 'oneagent', 'instana', 'sysdig', 'signalfx', 'cloudwatch', 'appdynamics'],
  ...['falco', 'falcoctl', 'tetragon', 'kubearmor', 'tracee', 'trivy', 'kube-bench', 'kubescape', 'neuvector', 'wazuh'],
  ...['security-profiles-operator', 'selinuxd', 'osquery', 'spire-agent', 'aqua', 'inspektor-gadget', 'gadget'],
  ...['nvidia', 'gpu', 'device-plugin', 'amdgpu', 'k8s-device-plugin', 'gpu-operator', 'tpu', 'habana', 'intel-gpu'],
  ...['kured', 'velero', 'restic', 'system-upgrade-controller', 'kubelet', 'k3s', 'rke2', 'talos', 'machine-config'],
  ...['kubevirt', 'virt-handler', 'virt-launcher', 'kata', 'gvisor', 'spegel', 'dragonfly', 'nerdctl', 'buildkit'],
  ...['kube2iam', 'kiam', 'metadata-proxy', 'ip-masq-agent', 'netd', 'node-agent', 'tuned', 'irqbalance'],
]
const KNOWN = wordPattern(NODE_SOFTWARE)

/** Systems, servers and databases that people take as they are: none of them has any business on a node. */
const GENERAL_SOFTWARE = wordPattern([
  ...['busybox', 'alpine', 'ubuntu', 'debian', 'centos', 'fedora', 'rockylinux', 'amazonlinux', 'archlinux', 'ubi'],
  ...['scratch', 'bash', 'python', 'perl', 'ruby', 'node', 'php', 'golang', 'openjdk', 'buildpack-deps', 'curl'],
  ...['nginx', 'httpd', 'apache', 'caddy', 'tomcat', 'wordpress', 'mysql', 'mariadb', 'postgres', 'redis', 'mongo'],
  ...['memcached', 'rabbitmq', 'hello-world', 'hello', 'echo', 'echoserver', 'whoami', 'httpbin', 'demo', 'test'],
  ...['netshoot', 'kubectl', 'docker', 'dind', 'toolbox', 'debug'],
])

/** Whether an image is one of those that clusters run on their nodes; a look at its name, no proof of anything. */
export function isNodeSoftware(image: string): boolean {
  return KNOWN.test(imageParts(image).repository)
}

/** Whether an image holds a bare system or a common server; by its last name, so that `acme/nginx-agent` is none. */
export function isGeneralSoftware(image: string): boolean {
  const { repository } = imageParts(image)
  return GENERAL_SOFTWARE.test(repository.slice(repository.lastIndexOf('/') + 1)) && !KNOWN.test(repository)
}

/** The words as whole parts of a name. */
function wordPattern(words: readonly string[]): RegExp {
  return new RegExp(
    `(?:^|[/_.-])(?:${words.map(each => each.replaceAll('-', '[-_]?')).join('|')})(?:$|[/_.-]|\\d)`,
    'i',
  )
}
