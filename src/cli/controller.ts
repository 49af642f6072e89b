import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import type { ControllerOptions } from '../../controller/options.js'
import { LOG_LEVELS } from '../io/log.js'
import type { CliEnvironment } from './environment.js'
import { days, portNumber, repeated, seconds, wholeNumber } from './option-values.js'
import { inClusterOf, ownNamespace } from './own-pod.js'

/** What commander makes of the flags. */
interface ControllerFlags extends Omit<ControllerOptions, 'namespace' | 'identity' | 'exemptNamespaces' | 'argocd'> {
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
      const { stderr, signal, env } = environment
      const { runController } = await import('../../controller/main.js')
      await runController(
        {
          ...same,
          namespace: namespace ?? (await ownNamespace(env)),
          identity: env.POD_NAME ?? hostname(),
          exemptNamespaces: exemptNamespace,
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
