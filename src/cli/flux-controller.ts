import { hostname } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { FluxOptions } from '../../plugin/flux/options.js'
import { LOG_LEVELS } from '../io/log-levels.js'
import type { CliEnvironment } from './environment.js'
import { portNumber, wholeNumber } from './option-values.js'
import { inClusterOf, ownNamespace } from './own-pod.js'

/** What commander makes of the flags. */
interface FluxFlags extends Omit<FluxOptions, 'namespace' | 'identity' | 'artifactUrl'> {
  readonly namespace?: string
  readonly artifactUrl?: string
}

/** Declares `lockkeeper flux controller`. */
export function addFluxController(flux: Command, environment: CliEnvironment): void {
  flux
    .command('controller')
    .summary('publish what is allowed of the sources of Flux')
    .description(
      'Judges the artifacts that sources of Flux have, for the Kustomizations that take them, and publishes those that are ' +
        'allowed as ExternalArtifacts. What is denied is held: the cluster is kept at the last allowed revision. One replica ' +
        'works, the others wait.',
    )
    .option('--address <ip>', 'where to listen', '0.0.0.0')
    .option('--artifact-port <n>', 'the port for artifacts', portNumber, 9090)
    .option(
      '--artifact-url <url>',
      'where kustomize-controller reaches them (default: http://lockkeeper-flux.<namespace>.svc)',
      httpUrl,
    )
    .option('--storage <path>', 'the volume that artifacts are kept on', '/artifacts')
    .option('--probe-port <n>', 'the port for /livez, /readyz and /metrics', portNumber, 8081)
    .option('--bundle <path>', 'a bundle: a directory or a .tar.gz (default: the built-in one)')
    .option('--insecure-unsigned', 'accept a --bundle without a signature', false)
    .option('--workers <n>', 'threads that judge (default: 1)', wholeNumber)
    .option('--kubeconfig <file>', 'how to reach the cluster from outside (default: the service account of the Pod)')
    .option('-n, --namespace <name>', "the gate's own namespace (default: that of the Pod)")
    .option('--kustomize <binary>', 'the kustomize to render with (default: the one on PATH)')
    .option('--lenient', 'variables that nobody has set are empty, as where StrictPostBuildSubstitutions=false', false)
    .option('--events-addr <url>', 'where notification-controller takes events', httpUrl)
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LOG_LEVELS).default('info'))
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper flux controller --bundle /bundle --insecure-unsigned --storage /artifacts
  lockkeeper flux controller --events-addr http://notification-controller.flux-system.svc`,
    )
    .action(async (flags: FluxFlags) => {
      const { stderr, signal, env } = environment
      const namespace = flags.namespace ?? (await ownNamespace(env))
      const { runFlux } = await import('../../plugin/flux/main.js')
      await runFlux(
        {
          ...flags,
          namespace,
          identity: env.POD_NAME ?? hostname(),
          artifactUrl: (flags.artifactUrl ?? `http://lockkeeper-flux.${namespace}.svc`).replace(/\/+$/, ''),
        },
        { inCluster: inClusterOf(env), env, stderr, signal, now: () => new Date() },
      )
    })
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new InvalidArgumentError('It must be a URL with http: or https:.')
}
