import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import type { ApiOptions, ControllerOptions } from '../../controller/options.js'
import { GateError } from '../errors.js'
import { LOG_LEVELS } from '../io/log-levels.js'
import type { CliEnvironment } from './environment.js'
import { days, portNumber, repeated, seconds, wholeNumber } from './option-values.js'
import { inClusterOf, ownNamespace } from './own-pod.js'

/** What commander makes of the flags. */
interface ControllerFlags
  extends Omit<ControllerOptions, 'namespace' | 'identity' | 'exemptNamespaces' | 'api' | 'argocd'>, ApiFlags {
  readonly namespace?: string
  readonly exemptNamespace: readonly string[]
  readonly argocdNamespace: string
  readonly applicationNamespace: readonly string[]
  readonly argocdPlugin: string
  readonly refreshApplications: boolean
  readonly refreshesPerSecond: number
  readonly refreshDelaySeconds: number
  readonly receiptKeys: boolean
  readonly rotateKeysAfterDays: number
  readonly trustOldKeysDays: number
}

interface ApiFlags {
  readonly apiService: string
  readonly apiUrl?: string
  readonly apiCertificateSecret: string
  readonly apiTlsCert?: string
  readonly apiTlsKey?: string
  readonly apiPort: number
  readonly apiCaller: readonly string[]
  readonly recordsDirectory?: string
  readonly warningEvents: boolean
  readonly warningAnnotations: boolean
}

const HOUR_SECONDS = 3_600

/** Declares `lockkeeper controller`. */
export function addController(parent: Command, environment: CliEnvironment): void {
  parent
    .command('controller')
    .summary('judge what is in the cluster')
    .description(
      'Runs the background audit: judges what is in the cluster with the policies of the gates, again whenever it changes, ' +
        'and writes a report for each object that something was found in. One replica works, the others wait.',
    )
    .option('--address <ip>', 'where to listen', '0.0.0.0')
    .option('--probe-port <n>', 'the port for /livez, /readyz and /metrics', portNumber, 8081)
    .option('--bundle <path>', 'a bundle: a directory or a .tar.gz (default: the built-in one)')
    .option('--insecure-unsigned', 'accept a --bundle without a signature', false)
    .option('--workers <n>', 'threads that judge (default: 1)', wholeNumber)
    .option('--kubeconfig <file>', 'how to reach the cluster from outside (default: the service account of the Pod)')
    .option('-n, --namespace <name>', "the controller's own namespace (default: that of the Pod)")
    .addOption(
      new Option('--reports <kind>', 'what is written: reports of openreports.io or wgpolicyk8s.io, or none')
        .choices(['openreports', 'wgpolicy', 'none'])
        .default('openreports'),
    )
    .option('--audit-interval-seconds <n>', 'how often everything is judged anew', seconds, HOUR_SECONDS)
    .option('--exempt-namespace <name>', 'a namespace that is not judged; may be given more than once', repeated, [])
    .option(
      '--api-caller <name>',
      'serve live objects to system:serviceaccount:<namespace>:<name>, a gate before the sync; more than once',
      repeated,
      [],
    )
    .option('--api-port <n>', 'the port for these gates', portNumber, 8443)
    .option('--api-service <name>', 'the Service that they call', 'lockkeeper-controller')
    .option('--api-url <url>', 'what they call instead of the Service: https://host:port')
    .option(
      '--api-certificate-secret <name>',
      'the Secret with its certificate, which the replicas share',
      'lockkeeper-controller-tls',
    )
    .option('--api-tls-cert <file>', 'a certificate that somebody else renews; no Secret is touched then')
    .option('--api-tls-key <file>', 'its key')
    .option('--records-directory <path>', 'keep the records of these gates there')
    .option('--warning-events', 'tell by Events of Argo CD Applications what their renders were warned of', false)
    .option('--warning-annotations', 'tell it by the annotation lockkeeper.dev/warnings of the Application', false)
    .option('--refresh-applications', 'ask Argo CD Applications for a hard refresh when the bundle changes', false)
    .option('--argocd-namespace <name>', 'where Argo CD is', 'argocd')
    .option(
      '--application-namespace <name>',
      'where Applications are; may be given more than once (default: where Argo CD is)',
      repeated,
      [],
    )
    .option('--argocd-plugin <name>', 'the name of the plugin in Applications', 'lockkeeper-v1')
    .option('--refreshes-per-second <n>', 'how many Applications are asked for a refresh', wholeNumber, 2)
    .option('--refresh-delay-seconds <n>', 'until the gates before the sync have a new bundle, too', seconds, 120)
    .option('--receipt-keys', "make and change the keys of receipts in Argo CD's namespace", false)
    .option('--rotate-keys-after-days <n>', 'how long a key signs receipts', days, 365)
    .option('--trust-old-keys-days <n>', 'how long a key is trusted after another one signs', days, 90)
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LOG_LEVELS).default('info'))
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper controller --bundle /bundle --insecure-unsigned
  lockkeeper controller --kubeconfig ~/.kube/config --reports none --log-level debug`,
    )
    .action(async (flags: ControllerFlags) => {
      const { exemptNamespace, namespace, argocdNamespace, applicationNamespace, argocdPlugin, ...others } = flags
      const { refreshApplications, refreshesPerSecond, refreshDelaySeconds, ...rest } = others
      const { receiptKeys, rotateKeysAfterDays, trustOldKeysDays, ...same } = rest
      const api = apiOptions(flags)
      const { stderr, signal, env } = environment
      const { runController } = await import('../../controller/main.js')
      await runController(
        {
          ...same,
          namespace: namespace ?? (await ownNamespace(env)),
          identity: env.POD_NAME ?? hostname(),
          exemptNamespaces: exemptNamespace,
          ...(api !== null && { api }),
          argocd: {
            namespace: argocdNamespace,
            applicationNamespaces: applicationNamespace.length > 0 ? applicationNamespace : [argocdNamespace],
            pluginName: argocdPlugin,
            refreshApplications,
            refreshesPerSecond,
            refreshDelaySeconds,
            receiptKeys,
            rotateKeysAfterDays,
            trustOldKeysDays,
          },
        },
        { inCluster: inClusterOf(env), stderr, signal, now: () => new Date() },
      )
    })
}

/** null: nobody may call, so no API is served. @throws GateError USAGE naming every mistake */
function apiOptions(flags: ApiFlags & Pick<ControllerFlags, 'argocdNamespace'>): ApiOptions | null {
  const { apiTlsCert, apiTlsKey, apiPort, apiCaller, apiUrl, argocdNamespace, recordsDirectory } = flags
  const problems: string[] = []
  if ((apiTlsCert === undefined) !== (apiTlsKey === undefined)) {
    problems.push('--api-tls-cert and --api-tls-key go together')
  }
  if (apiUrl !== undefined && !isHttps(apiUrl)) problems.push(`--api-url: ${apiUrl} is no URL with https:`)
  if (apiCaller.length === 0) {
    const needing = { '--api-tls-cert': apiTlsCert, '--api-url': apiUrl, '--records-directory': recordsDirectory }
    for (const [flag, value] of Object.entries(needing)) {
      if (value !== undefined) problems.push(`${flag} needs --api-caller: nobody else may call`)
    }
  }
  const { warningEvents, warningAnnotations } = flags
  for (const [flag, isWanted] of [
    ['--warning-events', warningEvents],
    ['--warning-annotations', warningAnnotations],
  ] as const) {
    if (isWanted && recordsDirectory === undefined) problems.push(`${flag} needs --records-directory`)
  }
  if (problems.length > 0) throw new GateError('USAGE', problems.join('\n'))
  if (apiCaller.length === 0) return null
  const own = { secret: flags.apiCertificateSecret, service: flags.apiService }
  return {
    certificate:
      apiTlsCert !== undefined && apiTlsKey !== undefined
        ? { certFile: apiTlsCert, keyFile: apiTlsKey }
        : { ...own, ...(apiUrl !== undefined && { url: apiUrl }) },
    port: apiPort,
    callers: apiCaller,
    applicationsNamespace: argocdNamespace,
    ...(recordsDirectory !== undefined && { recordsDirectory }),
    warningEvents,
    warningAnnotations,
  }
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}
