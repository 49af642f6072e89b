import type { Problem } from '../../src/fields.js'

/** What repo-server says of the Application whose source is rendered, in the words of its build environment. */
export interface ApplicationEnvironment {
  readonly application: {
    /** As repo-server has it: `name`, or `namespace_name` for an Application outside of Argo CD's namespace. */
    readonly qualifiedName: string
    readonly name: string
    /** Where the Application itself is; absent: Argo CD's own namespace. */
    readonly namespace?: string
  }
  readonly project: string
  /** The namespace of objects that name none. */
  readonly destinationNamespace: string
  readonly revision: string
  readonly repoUrl: string
  readonly sourcePath: string
  readonly targetRevision: string
  readonly kubeVersion?: string
  readonly apiVersions: readonly string[]
  /** The JSON of the plugin's parameters; absent: none were set. */
  readonly parameters?: string
  /** What `$NAMES` in parameters stand for. */
  readonly buildEnvironment: Readonly<Record<string, string>>
  readonly tightening: Tightening
}

/** What an Application may ask of the gate in its own `plugin.env`: never less than the mounted configuration does. */
export interface Tightening {
  readonly failOnWarn?: boolean
  readonly timeoutSeconds?: number
}

type Env = Readonly<Record<string, string | undefined>>

const MAX_VALUE_LENGTH = 4_096
const MAX_PARAMETERS_LENGTH = 1024 * 1024
const MAX_API_VERSIONS = 20_000

/** A name of Kubernetes, as an Application, a namespace and an AppProject have them. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const KUBE_VERSION = /^v?\d+\.\d+(\.\d+)?([-+][0-9A-Za-z.+-]*)?$/
const API_VERSION = /^[A-Za-z0-9][A-Za-z0-9.-]*(\/[A-Za-z0-9.-]+){0,2}$/
/** Argo CD's build environment, which its own tools substitute in parameters. */
const BUILD_NAME = /^ARGOCD_APP_(?!PARAMETERS$)[A-Z0-9_]+$/
const OWN_PREFIX = 'ARGOCD_ENV_LOCKKEEPER_'

/**
 * Reads the environment that repo-server gives to a plugin. Empty variables count as absent; every mistake is added to
 * `problems`, under the variable's name.
 *
 * @see Argo CD 3.5, "Build Environment" and "Config Management Plugins"
 */
export function readApplicationEnvironment(env: Env, problems: Problem[]): ApplicationEnvironment {
  const reader = new Reader(env, problems)
  const qualifiedName = reader.needed('ARGOCD_APP_NAME')
  const kubeVersion = reader.text('KUBE_VERSION')
  reader.check('KUBE_VERSION', kubeVersion, KUBE_VERSION, 'a version such as 1.35.0')
  const destinationNamespace = reader.text('ARGOCD_APP_NAMESPACE')
  reader.check('ARGOCD_APP_NAMESPACE', destinationNamespace, NAMESPACE, 'the name of a namespace')
  const project = reader.text('ARGOCD_APP_PROJECT_NAME')
  reader.check('ARGOCD_APP_PROJECT_NAME', project, NAME, 'the name of an AppProject')
  const parameters = reader.text('ARGOCD_APP_PARAMETERS', MAX_PARAMETERS_LENGTH)
  return {
    application: reader.application(qualifiedName),
    project: project ?? 'default',
    destinationNamespace: destinationNamespace ?? 'default',
    revision: reader.text('ARGOCD_APP_REVISION') ?? '',
    repoUrl: reader.text('ARGOCD_APP_SOURCE_REPO_URL') ?? '',
    sourcePath: reader.text('ARGOCD_APP_SOURCE_PATH') ?? '',
    targetRevision: reader.text('ARGOCD_APP_SOURCE_TARGET_REVISION') ?? '',
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
    apiVersions: reader.apiVersions(),
    ...(parameters === undefined ? {} : { parameters }),
    buildEnvironment: Object.fromEntries(
      Object.entries(env).filter(
        (entry): entry is [string, string] => BUILD_NAME.test(entry[0]) && entry[1] !== undefined,
      ),
    ),
    tightening: reader.tightening(),
  }
}

class Reader {
  readonly #env: Env
  readonly #problems: Problem[]

  constructor(env: Env, problems: Problem[]) {
    this.#env = env
    this.#problems = problems
  }

  problem(path: string, message: string): void {
    this.#problems.push({ path, message })
  }

  text(name: string, maxLength = MAX_VALUE_LENGTH): string | undefined {
    const value = this.#env[name]
    if (value === undefined || value === '') return undefined
    if (value.length > maxLength) this.problem(name, `is longer than ${maxLength} characters`)
    else if (value.includes('\0')) this.problem(name, 'has a zero byte in it')
    else return value
    return undefined
  }

  needed(name: string): string {
    const value = this.text(name)
    if (value === undefined && !this.#env[name]) {
      this.problem(name, 'is not set: lockkeeper generate is run by argocd-cmp-server, which sets it')
    }
    return value ?? ''
  }

  check(name: string, value: string | undefined, pattern: RegExp, what: string): void {
    if (value !== undefined && !pattern.test(value)) this.problem(name, `must be ${what}, is ${shown(value)}`)
  }

  /** Argo CD cuts at the first underscore, which neither a namespace nor a name can have. */
  application(qualifiedName: string): ApplicationEnvironment['application'] {
    const [, namespace, name = ''] = /^(?:([^_]*)_)?(.*)$/s.exec(qualifiedName) ?? []
    if (qualifiedName !== '') {
      this.check('ARGOCD_APP_NAME', name, NAME, 'a name, or <namespace>_<name>')
      this.check('ARGOCD_APP_NAME', namespace, NAMESPACE, 'a name, or <namespace>_<name>')
    }
    return { qualifiedName, name, ...(namespace === undefined ? {} : { namespace }) }
  }

  apiVersions(): readonly string[] {
    const versions = (this.text('KUBE_API_VERSIONS', MAX_PARAMETERS_LENGTH) ?? '')
      .split(',')
      .filter(each => each !== '')
    if (versions.length > MAX_API_VERSIONS)
      this.problem('KUBE_API_VERSIONS', `has more than ${MAX_API_VERSIONS} entries`)
    const wrong = versions.find(each => !API_VERSION.test(each))
    if (wrong !== undefined) this.problem('KUBE_API_VERSIONS', `has ${shown(wrong)}, which is no API version`)
    return versions
  }

  tightening(): Tightening {
    const wanted: { failOnWarn?: boolean; timeoutSeconds?: number } = {}
    for (const name of Object.keys(this.#env).filter(each => each.startsWith(OWN_PREFIX))) {
      const value = this.#env[name] ?? ''
      switch (name.slice(OWN_PREFIX.length)) {
        case 'FAIL_ON_WARN':
          if (value === 'true' || value === 'false') wanted.failOnWarn = value === 'true'
          else this.problem(name, `must be true or false, is ${shown(value)}`)
          break
        case 'TIMEOUT_SECONDS':
          if (/^[1-9]\d{0,3}$/.test(value)) wanted.timeoutSeconds = Number(value)
          else this.problem(name, `must be a whole number of seconds, is ${shown(value)}`)
          break
        default:
          this.problem(name, 'is not known here: an Application may set FAIL_ON_WARN and TIMEOUT_SECONDS')
      }
    }
    return wanted
  }
}

function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
}
