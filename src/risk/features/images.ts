import type { FeatureSpec, Note } from './feature.js'
import { textOr, type Places } from './places.js'

/** Where images come from, and what they are made for. */
export const IMAGE_FEATURES = {
  'image.address': { unit: 'flag', weight: 3, text: 'takes an image from a bare address or an unusual port' },
  'image.odd_registry': {
    unit: 'flag',
    weight: 3,
    text: 'takes an image from a registry for throw-away or tunnelled content',
  },
  'image.unknown_registry': {
    unit: 'flag',
    weight: 0.25,
    text: 'takes an image from a registry that is not widely known',
  },
  'image.look_alike': {
    unit: 'flag',
    weight: 2.5,
    text: 'takes an image from a name that looks like a known registry',
  },
  'image.look_alike_owner': {
    unit: 'flag',
    weight: 2,
    text: 'takes an image from an account that is named nearly like a known project',
  },
  'image.user_repository': {
    unit: 'flag',
    weight: 0.25,
    text: 'takes an image that a single user of Docker Hub publishes',
  },
  'image.moving_tag': { unit: 'flag', weight: 0.25, text: 'takes an image whose content may change' },
  'image.attack_tool': { unit: 'flag', weight: 3, text: 'takes an image made for attacks or mining' },
  'image.admin_tool': { unit: 'flag', weight: 1, text: 'takes an image made to look into nodes, networks or clusters' },
  'image.bare_system': { unit: 'flag', weight: 0.5, text: 'takes the image of a bare system, to run anything in' },
  'image.bare_script': { unit: 'flag', weight: 0.5, text: 'runs a script in the image of a bare system' },
} as const satisfies Record<string, FeatureSpec>

const KNOWN_REGISTRIES: readonly string[] = [
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'gcr.io',
  'k8s.gcr.io',
  'registry.k8s.io',
  'quay.io',
  'ghcr.io',
  'mcr.microsoft.com',
  'public.ecr.aws',
  'nvcr.io',
  'registry.gitlab.com',
  'registry.access.redhat.com',
  'registry.redhat.io',
  'registry.connect.redhat.com',
  'docker.elastic.co',
  'cgr.dev',
  'xpkg.upbound.io',
  'lscr.io',
  'codeberg.org',
  'icr.io',
  'registry.opensource.zalan.do',
  'docker.pkg.github.com',
  'container-registry.oracle.com',
  'images.linuxcontainers.org',
]
const KNOWN_SUFFIXES =
  /\.(?:gcr\.io|pkg\.dev|azurecr\.io|amazonaws\.com|icr\.io|ocir\.io|jfrog\.io|docker\.com|redhat\.com|redhat\.io|suse\.com|aliyuncs\.com|digitalocean\.com|microsoft\.com|googleapis\.com|svc|cluster\.local|internal|local|example\.com)$/
const ADDRESS = /^(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?$|^\[?[0-9a-f:]+:[0-9a-f:]*\]?(?::\d+)?$|:(?!443$|80$)\d+$/i
const ODD_REGISTRY =
  /(?:^|\.)(?:ttl\.sh|ngrok\.\w+|ngrok-free\.app|trycloudflare\.com|duckdns\.org|serveo\.net|localhost\.run|no-ip\.\w+|ddns\.net|dynu\.net|sslip\.io|nip\.io|onion|oast\.\w+|interact\.sh)$|\.(?:xyz|top|tk|ml|ga|cf|gq|ru|su|pw|icu|club|click|link|zip|mov|cc|bid|loan|work|rest)$/i
/** In these names digits and letters are read for each other: d0cker, gcr.lo, quaỵ. */
const LOOK_ALIKE: Readonly<Record<string, string>> = { '0': 'o', '1': 'l', '3': 'e', '5': 's', i: 'l', '|': 'l' }
const MISSPELT_SUFFIXES =
  /^(?:(?:k8s\.)?gcr|ghcr|quay|registry\.k8s|mcr\.microsoft)\.(?!io$|com$|elastic\.co$)[a-z.]{2,}$/
const ATTACK_TOOL =
  /(?:^|[/_.-])(?:xmrig\w*|xmr-?stak\w*|minerd?|miners?|cpuminer|cgminer|ethminer|nbminer|monero\w*|kinsing|kali\w*|parrot(?:sec|-core)?|metasploit\w*|msf|peirates|deepce|botb|cdk|kube-?hunter|kubesploit|kubeletmein|hacker-container|hack(?:ing|er|tools?)?|pentest\w*|exploit\w*|attack(?:er)?|evil\w*|malicious\w*|backdoor\w*|rootkit|badpod\w*|bad-?pods?|mtkpi|nsenter\w*|c2|sliver|mythic|reverse-?shell|revshell|amicontained|hping\w*|hydra|nikto|sqlmap|gophish|tor-?proxy|torproxy|masscan|zmap|keylogger|stress-?ng|pwn\w*|owned|redteam|red-kube)(?:$|[/_.:@-])/i
const ADMIN_TOOL =
  /(?:^|[/_-])(?:netshoot|nmap|socat|netcat|ncat|tcpdump|kubectl|helm-kubectl|k8s-tools|kubernetes-cli|aws-cli|cloud-sdk|google-cloud-cli|azure-cli|dind|docker|podman|buildah|kaniko|debug(?:ger|-tools)?|busyboxplus|dnsutils|toolbox|network-multitool|multitool|swiss-army-knife|openssh(?:-server)?|sshd|ttyd|wetty|cloudshell|webshell|code-server|squid|tinyproxy|frp[cs]?|chisel|curl)(?:$|[:@-])/i
const BARE_SYSTEM =
  /(?:^|\/)(?:busybox|alpine(?:-\w+)?|ubuntu|debian|centos|fedora|amazonlinux|rockylinux|python|bash|perl|ruby|node|php|golang|openjdk|buildpack-deps|archlinux|ubi\d*(?:-\w+)?|scratch|servercore|nanoserver)(?:$|[:@])/i

type ImageNote = Note<keyof typeof IMAGE_FEATURES>

/** Notes what is telling of the images of an object's containers. */
export function noteImages({ containers }: Places, note: ImageNote): void {
  for (const { path, container } of containers) {
    const image = textOr(container.image)
    if (image === '') continue
    noteImage(image, `${path}/image`, note)
    const runsScript = /^(?:.*\/)?(?:ba|da|a)?sh$|^(?:.*\/)?(?:python[\d.]*|perl|node|ruby)$/
    const first = Array.isArray(container.command)
      ? container.command[0]
      : Array.isArray(container.args)
        ? container.args[0]
        : ''
    if (BARE_SYSTEM.test(image) && (runsScript.test(textOr(first ?? '')) || textOr(container.script) !== '')) {
      note('image.bare_script', 1, `${path}/image`)
    }
  }
}

function noteImage(image: string, path: string, note: ImageNote): void {
  const { registry, repository, tag, digest } = imageParts(image)
  if (ADDRESS.test(registry) && !/^localhost(?::|$)|^127\.|\.(?:svc|local|internal)(?::|$)/.test(registry))
    note('image.address', 1, path)
  const host = registry.replace(/:\d+$/, '').toLowerCase()
  if (ODD_REGISTRY.test(host)) note('image.odd_registry', 1, path)
  if (!KNOWN_REGISTRIES.includes(host) && !KNOWN_SUFFIXES.test(host)) {
    note('image.unknown_registry', 1, path)
    if (looksKnown(host)) note('image.look_alike', 1, path)
  }
  if (host === 'docker.io' && looksLikeOwner(repository)) note('image.look_alike_owner', 1, path)
  if (host === 'docker.io' && repository.includes('/')) note('image.user_repository', 1, path)
  if (digest === '' && (tag === '' || tag === 'latest')) note('image.moving_tag', 1, path)
  if (ATTACK_TOOL.test(image)) note('image.attack_tool', 1, path)
  if (ADMIN_TOOL.test(image)) note('image.admin_tool', 1, path)
  if (BARE_SYSTEM.test(image)) note('image.bare_system', 1, path)
}

const KEPT_REGISTRY =
  /^(?:ko:|github\.com|registry\.k8s\.io|k8s\.gcr\.io|mirror\.gcr\.io|mcr\.microsoft\.com|nvcr\.io|docker\.elastic\.co|cgr\.dev|knative\.dev|registry\.(?:access\.|connect\.)?redhat\.(?:com|io))$/

/** False where only the owner of the registry publishes: nobody else takes a name there. */
export function isOpenToAll({
  registry,
  repository,
}: {
  readonly registry: string
  readonly repository: string
}): boolean {
  if (registry === 'docker.io') return repository.includes('/')
  if (registry === 'gcr.io') return !/^(?:google[-_]?containers|distroless|kubebuilder)\//.test(repository)
  return !KEPT_REGISTRY.test(registry)
}

/** An image's name in its parts; without a registry it is Docker Hub's. */
export function imageParts(image: string): {
  readonly registry: string
  readonly repository: string
  readonly tag: string
  readonly digest: string
} {
  const at = image.indexOf('@')
  const name = at < 0 ? image : image.slice(0, at)
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost'
  const isHub = !hasRegistry || /^(?:index\.|registry-1\.)?docker\.io$/.test(first)
  // `ubuntu` and `docker.io/library/ubuntu` are one image.
  const rest = (hasRegistry ? name.slice(slash + 1) : name).replace(isHub ? /^library\// : /^$/, '')
  const colon = rest.lastIndexOf(':')
  return {
    registry: isHub ? 'docker.io' : first,
    repository: colon < 0 ? rest : rest.slice(0, colon),
    tag: colon < 0 ? '' : rest.slice(colon + 1),
    digest: at < 0 ? '' : image.slice(at + 1),
  }
}

const KNOWN_SKELETONS: ReadonlySet<string> = new Set(KNOWN_REGISTRIES.map(skeletonOf))

function looksKnown(host: string): boolean {
  if (MISSPELT_SUFFIXES.test(host) || KNOWN_SKELETONS.has(skeletonOf(host))) return true
  return KNOWN_REGISTRIES.some(known => isOneEditAway(host, known))
}

const KNOWN_OWNERS: readonly string[] = [
  ...['kubernetes', 'kubernetesio', 'kubernetesui', 'googlecontainer', 'google-containers', 'bitnami', 'grafana'],
  ...[
    'prometheus',
    'hashicorp',
    'rancher',
    'jenkins',
    'elastic',
    'istioproxy',
    'envoyproxy',
    'openshift',
    'jaegertracing',
  ],
  ...[
    'projectcalico',
    'fluxcd',
    'argoproj',
    'cloudflare',
    'microsoft',
    'amazonlinux',
    'datadog',
    'gitlab',
    'portainer',
  ],
]
/** An account of Docker Hub that is named like another registry: `k8s-gcr/pause`. */
const OWNER_LIKE_REGISTRY = /^(?:k8s|kube|google|registry)?[-_]?(?:gcr|ghcr|quay|k8s|ecr|mcr)(?:[-_]?io)?$/

function looksLikeOwner(repository: string): boolean {
  const owner = repository.slice(0, Math.max(repository.indexOf('/'), 0)).toLowerCase()
  if (owner === '' || KNOWN_OWNERS.includes(owner)) return false
  return OWNER_LIKE_REGISTRY.test(owner) || KNOWN_OWNERS.some(known => isOneEditAway(owner, known))
}

function skeletonOf(host: string): string {
  return host
    .replaceAll(/[0135i|]/g, letter => LOOK_ALIKE[letter] ?? letter)
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
}

/** One letter more, less, another or two exchanged; short names are too near to each other. */
function isOneEditAway(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || b.length < 7) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  const isSwapped = left.length === 2 && right.length === 2 && left === `${right.charAt(1)}${right.charAt(0)}`
  return isSwapped || (left.length <= 1 && right.length <= 1)
}
