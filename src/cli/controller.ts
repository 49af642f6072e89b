import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import type { ControllerOptions } from '../../controller/options.js'
import { LOG_LEVELS } from '../io/log-levels.js'
import type { CliEnvironment } from './environment.js'
import { portNumber, repeated, seconds, wholeNumber } from './option-values.js'
import { inClusterOf, ownNamespace } from './own-pod.js'

/** What commander makes of the flags. */
interface ControllerFlags extends Omit<ControllerOptions, 'namespace' | 'identity' | 'exemptNamespaces'> {
  readonly namespace?: string
  readonly exemptNamespace: readonly string[]
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
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LOG_LEVELS).default('info'))
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper controller --bundle /bundle --insecure-unsigned
  lockkeeper controller --kubeconfig ~/.kube/config --reports none --log-level debug`,
    )
    .action(async ({ exemptNamespace, namespace, ...same }: ControllerFlags) => {
      const { stderr, signal, env } = environment
      const { runController } = await import('../../controller/main.js')
      await runController(
        {
          ...same,
          namespace: namespace ?? (await ownNamespace(env)),
          identity: env.POD_NAME ?? hostname(),
          exemptNamespaces: exemptNamespace,
        },
        { inCluster: inClusterOf(env), stderr, signal, now: () => new Date() },
      )
    })
}
