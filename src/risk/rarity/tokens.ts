import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, NumberText, type Json, type JsonObject } from '../../json.js'
import { imageParts } from '../features/images.js'
import { segment, textOr, textsOf } from '../features/places.js'

/** Changes with every change of what tokens there are: a snapshot counts tokens of one version. */
export const TOKEN_VERSION = 1

/** What a token is about, which is also what people are told. */
export type TokenKind = 'path' | 'value' | 'right' | 'image' | 'reference'

/**
 * One thing that an object says: an item where others say something else or nothing. Where is a place without indexes, names
 * and numbers, and the same for every pod, whatever kind it is in.
 */
export interface Token {
  readonly kind: TokenKind
  readonly context: string
  readonly item: string
  /** True where security is decided: protection, rights, what runs, what is mounted, where traffic goes. */
  readonly sensitive: boolean
  /** The JSON pointer. */
  readonly path: string
}

/** What counts are kept under. */
export function tokenKey({ context, item }: Pick<Token, 'context' | 'item'>): string {
  return `${context}\n${item}`
}

/** Members whose text is a name: everybody has another one. */
const NAMES: ReadonlySet<string> = new Set([
  ...['name', 'generateName', 'namespace', 'hostname', 'subdomain', 'app', 'version', 'host', 'description', 'key'],
  ...['mountPath', 'subPath', 'targetPort', 'portName', 'claimName', 'clusterName', 'selfLink', 'topologyKey', 'title'],
])
/** Members whose keys people choose: nothing is to be learnt from them. */
const FREE_MAPS: ReadonlySet<string> = new Set([
  'labels',
  'matchLabels',
  'data',
  'stringData',
  'binaryData',
  'selector',
])
/** Labels that the cluster itself obeys. */
const OBEYED_LABEL = /^(?:pod-security\.kubernetes\.io|rbac\.authorization\.k8s\.io|policy\.|security\.)/
/** Schemas are long, and nothing in them acts. */
const SKIPPED: ReadonlySet<string> = new Set(['openAPIV3Schema', 'status', 'encryptedData'])

const SENSITIVE: ReadonlySet<string> = new Set([
  ...['securityContext', 'hostPath', 'hostNetwork', 'hostPID', 'hostIPC', 'hostPort', 'hostUsers', 'capabilities'],
  ...['privileged', 'rules', 'roleRef', 'subjects', 'aggregationRule', 'webhooks', 'clientConfig', 'conversion'],
  ...['serviceAccountName', 'serviceAccount', 'automountServiceAccountToken', 'projected', 'serviceAccountToken'],
  ...['lifecycle', 'nodeName', 'externalIPs', 'externalName', 'loadBalancerSourceRanges', 'ingress', 'egress'],
  ...['policyTypes', 'command', 'image', 'source', 'sourceRepos', 'destinations', 'clusterResourceWhitelist', 'secret'],
  ...['secretKeyRef', 'secretRef', 'ephemeralContainers', 'shareProcessNamespace', 'caBundle', 'failurePolicy'],
  ...['insecureSkipTLSVerify', 'tls', 'annotations', 'permissions', 'volumeDevices', 'mountPropagation', 'tolerations'],
])

/** Kinds that say the same in the same words. */
const SAME_KIND: Readonly<Record<string, string>> = {
  ClusterRole: 'Role',
  ClusterRoleBinding: 'RoleBinding',
}

/** Rights that are worth a place of their own: in one with all resources anything new would be usual. */
const STRONG_RESOURCE =
  /^(?:\*|secrets|pods\/(?:exec|attach|portforward|ephemeralcontainers)|serviceaccounts\/token|nodes(?:\/.*)?|(?:cluster)?role(?:binding)?s|.*webhookconfigurations|certificatesigningrequests.*|users|groups|serviceaccounts|pods|daemonsets|deployments)$/
const MAX_ITEM_LENGTH = 64
/** The verbs that mean something: any others could fill a list without end. */
const VERBS: ReadonlySet<string> = new Set([
  ...['*', 'get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  ...['use', 'bind', 'escalate', 'impersonate', 'approve', 'sign', 'attest', 'proxy'],
])

/** Says what a canonical object is made of; each token once. */
export function rarityTokens(object: JsonObject): readonly Token[] {
  return new TokenWalk().take(object)
}

/** What an object says that it did not say before; without an old object all that it says. */
export function addedTokens(oldObject: JsonObject | null, object: JsonObject): readonly Token[] {
  const walk = new TokenWalk()
  if (oldObject !== null) walk.take(oldObject)
  return walk.take(object)
}

/** A context with what was said there; walking from one to the next is cheaper than making its text for every member. */
interface Place {
  readonly context: string
  readonly below: Map<string, Place>
  readonly items: Set<string>
}

class TokenWalk {
  readonly #places = new Map<string, Place>()
  #tokens: Token[] = []

  /** What was not said of an object before. */
  take(object: JsonObject): readonly Token[] {
    this.#tokens = []
    const kind = textOr(object.kind)
    const population = SAME_KIND[kind] ?? kind
    this.#members(object, this.#place(population), '', kind === 'NetworkPolicy')
    const name = textOr(objectOr(object.metadata).name)
    if (kind === 'ServiceAccount') this.#named('account', name, '/metadata/name')
    if (population === 'Role') this.#named('role', name, '/metadata/name')
    return this.#tokens
  }

  #place(context: string): Place {
    let place = this.#places.get(context)
    if (place === undefined) this.#places.set(context, (place = newPlace(context)))
    return place
  }

  #below(place: Place, step: string): Place {
    let below = place.below.get(step)
    if (below === undefined) place.below.set(step, (below = this.#place(`${place.context}/${step}`)))
    return below
  }

  #add(kind: TokenKind, { context, items }: Place, item: string, sensitive: boolean, path: string): void {
    if (items.has(item)) return
    items.add(item)
    this.#tokens.push({ kind, context, item, sensitive, path })
  }

  /** A name that other objects refer to, or that refers to another object. */
  #named(what: string, name: string, path: string): void {
    if (name !== '') this.#add('reference', this.#place(`name/${what}`), withoutNumbers(name), true, path)
  }

  #members(object: JsonObject, place: Place, path: string, sensitive: boolean): void {
    const isPod = Array.isArray(object.containers)
    const here = isPod ? this.#place('pod') : place
    for (const key in object) {
      const value = object[key]
      if (value === undefined || value === null || SKIPPED.has(key)) continue
      // These made the context.
      if (path === '' && (key === 'kind' || key === 'apiVersion')) continue
      const isSensitive = sensitive || SENSITIVE.has(key)
      const at = `${path}/${segment(key)}`
      const general = isPod && CONTAINERS.has(key) ? 'container' : withoutNumbers(key)
      this.#add('path', here, general, isSensitive, at)
      if (typeof value === 'string' && NAMES.has(key)) continue
      const below = this.#below(here, general)
      if (key === 'annotations' || FREE_MAPS.has(key)) this.#map(key, value, below, at)
      else this.#value(key, value, below, at, isSensitive, object)
    }
  }

  #value(key: string, value: Json, place: Place, path: string, sensitive: boolean, parent: JsonObject): void {
    if (this.#special(key, value, path, parent)) return
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        if (item !== null) this.#value(key, item, place, `${path}/${index}`, sensitive, parent)
      })
    } else if (isJsonObject(value)) this.#members(value, place, path, sensitive)
    else if (!NAMES.has(key) && value !== null) {
      const item = typeof value === 'string' ? textItem(value) : scalarItem(value)
      if (item !== null) this.#add('value', place, item, sensitive, path)
    }
  }

  /** Members that say more than their text does. */
  #special(key: string, value: Json, path: string, parent: JsonObject): boolean {
    switch (key) {
      case 'image':
        if (typeof value !== 'string' || value === '') return false
        this.#image(value, path)
        return true
      case 'serviceAccountName':
      case 'serviceAccount':
        if (typeof value !== 'string') return false
        this.#named('account', value, path)
        return true
      case 'roleRef':
        if (!isJsonObject(value)) return false
        this.#named('role', textOr(value.name), `${path}/name`)
        return false
      case 'rules':
        if (!Array.isArray(value)) return false
        return this.#rules(value, path)
      case 'subjects':
        if (!Array.isArray(value)) return false
        value.forEach((each, index) => {
          const { kind, name } = objectOr(each)
          if (textOr(kind) !== 'ServiceAccount') this.#named('subject', textOr(name), `${path}/${index}`)
          else this.#named('account', textOr(name), `${path}/${index}`)
        })
        return false
      case 'command':
      case 'args':
        if (!Array.isArray(value)) return false
        this.#command(value, parent, path)
        return true
      default:
        return false
    }
  }

  #image(image: string, path: string): void {
    const { registry, repository } = imageParts(image)
    const owner = repository.slice(0, Math.max(repository.lastIndexOf('/'), 0))
    this.#add('image', this.#place('image'), withoutNumbers(registry), true, path)
    this.#add('image', this.#place('image/owner'), withoutNumbers(`${registry}/${owner}`), true, path)
    this.#add('image', this.#place('image/name'), withoutNumbers(`${registry}/${repository}`), true, path)
  }

  /** @returns whether these are the rules of a role */
  #rules(rules: readonly Json[], path: string): boolean {
    let found = false
    rules.forEach((rule, index) => {
      const { verbs, resources, apiGroups, nonResourceURLs } = objectOr(rule)
      if (!Array.isArray(verbs)) return
      found = true
      const at = `${path}/${index}`
      const said = textsOf(verbs).filter(verb => VERBS.has(verb))
      for (const resource of [...textsOf(resources), ...textsOf(nonResourceURLs)]) {
        const isStrong = STRONG_RESOURCE.test(resource)
        const where = this.#place(isStrong ? 'right/strong' : 'right')
        for (const group of isStrong ? [''] : textsOf(apiGroups)) {
          this.#add('right', where, withoutNumbers(`${group}/${resource}`), true, at)
        }
        if (!isStrong) continue
        const ofResource = this.#place(`right/${resource}`)
        for (const verb of said) this.#add('right', ofResource, verb, true, at)
      }
    })
    return found
  }

  #command(words: readonly Json[], parent: JsonObject, path: string): void {
    const [first = ''] = textsOf(words as Json)
    const isProgram = !Array.isArray(parent.command) || parent.command === words
    if (isProgram) {
      this.#add(
        'value',
        this.#place('pod/program'),
        withoutNumbers(first.slice(first.lastIndexOf('/') + 1)),
        true,
        path,
      )
    }
  }

  #map(key: string, value: Json, place: Place, path: string): void {
    if (!isJsonObject(value)) return
    for (const each in value) {
      const at = `${path}/${segment(each)}`
      if (key === 'annotations') this.#add('path', place, withoutNumbers(each), true, at)
      else if (key === 'labels' && OBEYED_LABEL.test(each)) {
        this.#add('value', place, withoutNumbers(`${each}=${textOr(value[each])}`), true, at)
      }
    }
  }
}

function newPlace(context: string): Place {
  return { context, below: new Map(), items: new Set() }
}

const CONTAINERS: ReadonlySet<string> = new Set(['containers', 'initContainers'])

/** Hashes and numbers are different everywhere: what is left is what people chose. */
function withoutNumbers(text: string): string {
  const short = text.length > MAX_ITEM_LENGTH ? text.slice(0, MAX_ITEM_LENGTH) : text
  return /\d/.test(short) ? short.replaceAll(/[0-9a-f]{8,}|\d+/g, '#') : short
}

function textItem(text: string): string | null {
  return text.length > MAX_ITEM_LENGTH || text.includes('\n') ? null : withoutNumbers(text)
}

function scalarItem(value: boolean | number | NumberText): string {
  if (typeof value === 'boolean') return String(value)
  const text = value instanceof NumberText ? value.text : String(value)
  return text === '0' ? text : '#'
}
