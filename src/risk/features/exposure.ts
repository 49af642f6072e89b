import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type JsonObject } from '../../json.js'
import type { FeatureSpec, Note } from './feature.js'
import { objectsAt, segment, textOr, textsOf } from './places.js'

/** What an object opens to whom, or where it leads traffic. */
export const EXPOSURE_FEATURES = {
  'network.external_address': {
    unit: 'count',
    weight: 3,
    text: 'takes traffic for an address of its own choice (externalIPs)',
  },
  'network.node_port': { unit: 'flag', weight: 0.5, text: 'opens a port on every node' },
  'network.load_balancer': { unit: 'flag', weight: 0.5, text: 'asks for a load balancer' },
  'network.open_load_balancer': {
    unit: 'flag',
    weight: 0.25,
    text: 'asks for a load balancer that everybody may reach',
  },
  'network.external_name': { unit: 'grade', weight: 0.75, text: 'leads a name of the cluster elsewhere' },
  'network.admin_port': {
    unit: 'count',
    weight: 0.75,
    text: 'serves a port of a control plane, a database or remote administration',
  },
  'network.admin_port_exposed': {
    unit: 'count',
    weight: 2,
    text: 'opens a port of a control plane, a database or remote administration to the outside',
  },
  'network.dashboard_exposed': { unit: 'flag', weight: 2, text: 'opens a tool of administration to the outside' },
  'network.console_exposed': {
    unit: 'flag',
    weight: 1.5,
    text: 'opens a console of the cluster or of its containers to the outside',
  },
  'network.no_selector': { unit: 'flag', weight: 0.25, text: 'is a service whose endpoints somebody writes by hand' },
  'network.endpoint_address': { unit: 'grade', weight: 1, text: 'names addresses of its own choice as endpoints' },
  'network.snippet': {
    unit: 'grade',
    weight: 1,
    text: 'puts its own text into the configuration of the ingress controller',
  },
  'network.any_host': { unit: 'count', weight: 0.75, text: 'takes traffic for any host' },
  'network.no_tls': { unit: 'flag', weight: 0.25, text: 'takes traffic without TLS' },
  'network.odd_annotation': {
    unit: 'flag',
    weight: 1,
    text: 'has an annotation that sends requests or credentials elsewhere',
  },
  'network.policy_open_in': { unit: 'flag', weight: 1.5, text: 'lets everybody in' },
  'network.policy_open_out': { unit: 'flag', weight: 1, text: 'lets everything out' },
  'network.policy_open_both': { unit: 'flag', weight: 1, text: 'lets everybody in and everything out' },
  'network.policy_open_all_pods': { unit: 'flag', weight: 1, text: 'opens all pods of its namespace' },
  'network.policy_world': { unit: 'count', weight: 0.75, text: 'allows the whole internet' },
  'network.policy_all_namespaces': { unit: 'count', weight: 0.25, text: 'allows every namespace' },
  'network.mesh_open': {
    unit: 'grade',
    weight: 0.75,
    text: 'opens the service mesh: no encryption, or everybody allowed',
  },
  'network.filter_code': { unit: 'flag', weight: 1, text: 'puts its own code into a proxy' },
  'network.mirror': { unit: 'flag', weight: 1, text: 'sends a copy of the traffic elsewhere' },
} as const satisfies Record<string, FeatureSpec>

type ExposureNote = Note<keyof typeof EXPOSURE_FEATURES>

const ADMIN_PORTS: ReadonlySet<number> = new Set([
  22, 23, 111, 445, 873, 1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 4194, 4444, 5000, 5432, 5601, 5672, 5900,
  5984, 6066, 6379, 6443, 7077, 8001, 8500, 8888, 9042, 9092, 9200, 9300, 10250, 10255, 10256, 11211, 15672, 27017,
  44134, 44135,
])
const ADMIN_TOOL =
  /(?:^|[-_.])(?:kubernetes-dashboard|dashboard|weave-scope|scope|kubeview|argocd-server|argo-server|argo-workflows|jenkins|jupyter\w*|notebook|phpmyadmin|adminer|pgadmin|mongo-express|redis-commander|portainer|rancher|kubeapps|octant|headlamp|lens|tiller|etcd|kibana|prometheus|alertmanager|spark-master|airflow|ml-pipeline-ui|kubeflow|istio-ingressgateway|centraldashboard|vault|consul|webssh|ttyd|shell|polaris|kiali)(?:$|[-_.])/i
/** Who reaches one of these has the rights of its account, or runs what they like. */
const CONSOLE =
  /(?:^|[-_.])(?:kubernetes-dashboard|weave-scope|kubeview|k8s-dashboard|portainer|rancher|kubeapps|octant|headlamp|tiller|etcd|argo-server|jupyter\w*|kubelet|kube-apiserver|docker|dind|webssh|ttyd|wetty|shell\w*|code-server|spark-master|airflow-web\w*|hue|hadoop|yarn|jenkins|rundeck|awx|phpmyadmin|adminer|mongo-express|redis-commander|pgadmin)(?:$|[-_.])/i
const SNIPPET =
  /\/(?:(?:server|configuration|auth|modsecurity|http|stream)-snippet|(?:server|location|http|stream|main)-snippets)$/
const SNIPPET_DANGER =
  /_by_lua|\blua_|serviceaccount|\bload_module\b|\balias\s+\/|\broot\s+\/|\bproxy_pass\s+https?:\/\/\d|\bjs_|\bssl_engine\b|autoindex|\bexec\b|\/etc\/|\bmirror\b/i
const ODD_ANNOTATION =
  /\/(?:auth-url|auth-signin|mirror-target|mirror-uri|permanent-redirect|temporal-redirect|upstream-vhost|proxy-ssl-secret|auth-tls-secret)$/
/** The metadata services, the API server's usual addresses, and the node itself. */
const INNER_ADDRESS = /^(?:169\.254\.|127\.|0\.|::1$|10\.(?:96|0)\.0\.1$|fd00:ec2::254)/
const ODD_HOST =
  /\.(?:ngrok\.\w+|ngrok-free\.app|trycloudflare\.com|duckdns\.org|serveo\.net|oast\.\w+|nip\.io|sslip\.io|xyz|top|tk|ru|su|pw|onion)$/i
const PRIVATE_ADDRESS = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd])/i

/** Notes what a Service, Endpoints, Ingress, NetworkPolicy or a resource of a service mesh opens. */
export function noteExposure(object: JsonObject, note: ExposureNote): void {
  const kind = textOr(object.kind)
  if (Object.hasOwn(BY_KIND, kind)) BY_KIND[kind]?.(object, objectOr(object.spec), note)
}

const BY_KIND: Readonly<Record<string, (object: JsonObject, spec: JsonObject, note: ExposureNote) => void>> = {
  Service: (object, spec, note) => {
    if (object.apiVersion === 'v1') noteService(spec, note)
  },
  Endpoints: (object, _, note) => noteEndpoints(object, note),
  EndpointSlice: (object, _, note) => noteEndpoints(object, note),
  Ingress: noteIngress,
  NetworkPolicy: (_, spec, note) => noteNetworkPolicy(spec, note),
  AuthorizationPolicy: (_, spec, note) => noteMesh('AuthorizationPolicy', spec, note),
  PeerAuthentication: (_, spec, note) => noteMesh('PeerAuthentication', spec, note),
  DestinationRule: (_, spec, note) => noteMesh('DestinationRule', spec, note),
  EnvoyFilter: (_object, _spec, note) => note('network.filter_code', 1, '/spec'),
  WasmPlugin: (_object, _spec, note) => note('network.filter_code', 1, '/spec'),
  VirtualService: (_, spec, note) => noteRoute(spec, note),
  HTTPRoute: (_, spec, note) => noteRoute(spec, note),
  Gateway: (_, spec, note) => noteRoute(spec, note),
}

function noteService(spec: JsonObject, note: ExposureNote): void {
  const type = textOr(spec.type)
  const addresses = textsOf(spec.externalIPs)
  addresses.forEach((_, index) => note('network.external_address', 1, `/spec/externalIPs/${index}`))
  if (type === 'NodePort') note('network.node_port', 1, '/spec/type')
  if (type === 'LoadBalancer') {
    note('network.load_balancer', 1, '/spec/type')
    if (!Array.isArray(spec.loadBalancerSourceRanges)) note('network.open_load_balancer', 1, '/spec/type')
  }
  if (type === 'ExternalName') {
    const name = textOr(spec.externalName)
    note('network.external_name', externalNameGrade(name), '/spec/externalName')
  }
  if (!isJsonObject(spec.selector) && type !== 'ExternalName') note('network.no_selector', 1, '/spec')
  const isOutside = type === 'NodePort' || type === 'LoadBalancer' || addresses.length > 0
  for (const { item, path } of objectsAt(spec.ports, '/spec/ports')) {
    const ports = [item.port, item.targetPort].filter(each => typeof each === 'number')
    if (!ports.some(each => ADMIN_PORTS.has(each))) continue
    note('network.admin_port', 1, `${path}/port`)
    if (isOutside) note('network.admin_port_exposed', 1, `${path}/port`)
  }
  const selected = Object.values(objectOr(spec.selector)).map(textOr)
  // By what it leads to, never by its own name, which anybody may choose.
  if (isOutside && selected.some(each => ADMIN_TOOL.test(each))) {
    note('network.dashboard_exposed', 1, '/spec/type')
  }
  if (isOutside && selected.some(each => CONSOLE.test(each))) note('network.console_exposed', 1, '/spec/type')
}

/** A name of the cloud, of the API server, an address or a throw-away host is worse than that of another service. */
function externalNameGrade(name: string): number {
  if (INNER_ADDRESS.test(name) || name.includes('metadata.google')) return 3
  return /^kubernetes\.default(?:\.|$)|^[\d.]+$|^\d|:/.test(name) || ODD_HOST.test(name) ? 2 : 1
}

function noteEndpoints(object: JsonObject, note: ExposureNote): void {
  const lists = [
    ...objectsAt(object.subsets, '/subsets').map(({ item, path }) => ({
      list: item.addresses,
      path: `${path}/addresses`,
    })),
    { list: object.endpoints, path: '/endpoints' },
  ]
  for (const { list, path } of lists) {
    for (const { item, path: at } of objectsAt(list, path)) {
      for (const address of [textOr(item.ip), ...textsOf(item.addresses)]) {
        if (address !== '')
          note('network.endpoint_address', INNER_ADDRESS.test(address) ? 3 : PRIVATE_ADDRESS.test(address) ? 1 : 2, at)
      }
    }
  }
}

function noteIngress(object: JsonObject, spec: JsonObject, note: ExposureNote): void {
  const annotations = objectOr(objectOr(object.metadata).annotations)
  for (const key in annotations) {
    const value = textOr(annotations[key])
    const path = `/metadata/annotations/${segment(key)}`
    if (SNIPPET.test(key) && value !== '') note('network.snippet', SNIPPET_DANGER.test(value) ? 3 : 1, path)
    if (ODD_ANNOTATION.test(key) && /^https?:/.test(value) && !/\.(?:svc|cluster\.local)\b/.test(value))
      note('network.odd_annotation', 1, path)
  }
  if (objectsAt(spec.tls, '').length === 0) note('network.no_tls', 1, '/spec')
  if (isJsonObject(spec.defaultBackend) || isJsonObject(spec.backend)) note('network.any_host', 1, '/spec')
  for (const { item, path } of objectsAt(spec.rules, '/spec/rules')) {
    const host = textOr(item.host)
    if (host === '' || host.startsWith('*')) note('network.any_host', 1, `${path}/host`)
    for (const { item: route, path: at } of objectsAt(objectOr(item.http).paths, `${path}/http/paths`)) {
      const backend = objectOr(route.backend)
      const name = textOr(objectOr(backend.service).name) || textOr(backend.serviceName)
      if (ADMIN_TOOL.test(name)) note('network.dashboard_exposed', 1, `${at}/backend`)
      if (CONSOLE.test(name)) note('network.console_exposed', 1, `${at}/backend`)
      if (/[;{}$]|\.\.\//.test(textOr(route.path))) note('network.snippet', 1, `${at}/path`)
    }
  }
}

function noteNetworkPolicy(spec: JsonObject, note: ExposureNote): void {
  const opensIn = noteDirection(spec, 'ingress', 'from', note)
  const opensOut = noteDirection(spec, 'egress', 'to', note)
  if (opensIn) note('network.policy_open_in', 1, '/spec/ingress')
  if (opensOut) note('network.policy_open_out', 1, '/spec/egress')
  if (opensIn && opensOut) note('network.policy_open_both', 1, '/spec')
  if ((opensIn || opensOut) && Object.keys(objectOr(spec.podSelector)).length === 0)
    note('network.policy_open_all_pods', 1, '/spec/podSelector')
}

/** A rule without peers allows everybody; the ports of such a rule do not make it safe, only narrow. */
function noteDirection(
  spec: JsonObject,
  direction: 'ingress' | 'egress',
  peers: 'from' | 'to',
  note: ExposureNote,
): boolean {
  let isOpen = false
  for (const { item: rule, path } of objectsAt(spec[direction], `/spec/${direction}`)) {
    const list = objectsAt(rule[peers], `${path}/${peers}`)
    if (list.length === 0 && objectsAt(rule.ports, '').length === 0) isOpen = true
    for (const { item, path: at } of list) {
      const cidr = textOr(objectOr(item.ipBlock).cidr)
      if (/^(?:0\.0\.0\.0|::|0+:.*)\/0$/.test(cidr)) {
        note('network.policy_world', 1, at)
        if (objectsAt(rule.ports, '').length === 0 && textsOf(objectOr(item.ipBlock).except).length === 0) isOpen = true
      }
      const { namespaceSelector, podSelector } = item
      if (isJsonObject(namespaceSelector) && Object.keys(namespaceSelector).length === 0) {
        note('network.policy_all_namespaces', 1, at)
        if (Object.keys(objectOr(podSelector)).length === 0 && objectsAt(rule.ports, '').length === 0) isOpen = true
      }
    }
  }
  return isOpen
}

function noteMesh(kind: string, spec: JsonObject, note: ExposureNote): void {
  if (kind === 'PeerAuthentication') {
    const mode = textOr(objectOr(spec.mtls).mode)
    if (mode === 'DISABLE' || mode === 'PERMISSIVE')
      note('network.mesh_open', mode === 'DISABLE' && !isJsonObject(spec.selector) ? 2 : 1, '/spec/mtls/mode')
  } else if (kind === 'DestinationRule') {
    const mode = textOr(objectOr(objectOr(spec.trafficPolicy).tls).mode)
    if (mode === 'DISABLE') note('network.mesh_open', 1, '/spec/trafficPolicy/tls/mode')
  } else if (textOr(spec.action) !== 'DENY') {
    objectsAt(spec.rules, '/spec/rules').forEach(({ item, path }) => {
      if (Object.keys(item).length === 0) note('network.mesh_open', isJsonObject(spec.selector) ? 1 : 2, path)
    })
  }
}

function noteRoute(spec: JsonObject, note: ExposureNote): void {
  const hosts = [...textsOf(spec.hosts), ...textsOf(spec.hostnames)]
  if (hosts.includes('*')) note('network.any_host', 1, '/spec')
  for (const list of ['http', 'rules']) {
    for (const { item, path } of objectsAt(spec[list], `/spec/${list}`)) {
      const isMirror = objectsAt(item.filters, '').some(({ item: filter }) => filter.type === 'RequestMirror')
      if (isJsonObject(item.mirror) || Array.isArray(item.mirrors) || isMirror) note('network.mirror', 1, path)
    }
  }
}
