import { delimiter, join } from 'node:path'
import { Option, type Command } from 'commander'
import type { DoctorOptions } from '../../doctor/options.js'
import { GateError } from '../errors.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'
import { inClusterOf, ownNamespace } from './own-pod.js'

/** What commander makes of the flags; the rest of the options follows from it. */
interface DoctorFlags {
  readonly cluster: boolean
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly configurationName: string
  readonly certificateSecret: string
  readonly argocdNamespace: string
  readonly fluxNamespace: string
  readonly bundle?: string
  readonly format: 'text' | 'json'
  readonly failOnWarn: boolean
  readonly color?: boolean
}

/** Declares `lockkeeper doctor`. */
export function addDoctor(
  program: { readonly command: Command; exitCode: number },
  environment: CliEnvironment,
  version: string,
): void {
  program.command
    .command('doctor')
    .summary('say what is covered, what is not, and how to fix it')
    .description(
      'Looks at what is installed here and, with --cluster, at what a cluster sends to its gate. It says what is covered and ' +
        'what is not, with the fix for each. It only reads.',
    )
    .option('--cluster', 'look at the cluster', false)
    .option('--kubeconfig <file>', 'how to reach the cluster (default: KUBECONFIG, the Pod, or ~/.kube/config)')
    .option('--context <name>', 'a context of the kubeconfig (default: its current one)')
    .option('-n, --namespace <name>', 'where the gate is (default: lockkeeper-system, or that of the Pod)')
    .option('--configuration-name <name>', 'the name of the ValidatingWebhookConfiguration', 'lockkeeper')
    .option('--certificate-secret <name>', 'the Secret that the replicas share', 'lockkeeper-webhook-tls')
    .option('--argocd-namespace <name>', 'where Argo CD is', 'argocd')
    .option('--flux-namespace <name>', 'where Flux is', 'flux-system')
    .option('--bundle <path>', 'the bundle that the gate judges by (default: the built-in one)')
    .addOption(new Option('--format <format>', 'how the answer is written').choices(['text', 'json']).default('text'))
    .option('--fail-on-warn', 'exit with 3 where there are warnings and no error', false)
    .option('--color', 'colours even where there is no terminal')
    .option('--no-color', 'no colours')
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper doctor
  lockkeeper doctor --cluster
  lockkeeper doctor --cluster --context production --bundle ./bundle --format json

Exit codes: 0 nothing is wrong, 1 an error was found, 2 could not ask the cluster, 3 warnings with --fail-on-warn`,
    )
    .action(async (flags: DoctorFlags) => {
      const options = await doctorOptions(flags, environment)
      const { runDoctor } = await import('../../doctor/main.js')
      const { stdout, signal, now, env } = environment
      program.exitCode = await runDoctor(options, {
        write: text => write(stdout, text),
        paint: paintFor(stdout, flags.color, environment),
        now,
        signal,
        version,
        nodeVersion: process.version,
        searchPath: env.PATH ?? '',
        inCluster: inClusterOf(env),
      })
    })
}

/** Checks what flags say together. @throws GateError USAGE */
async function doctorOptions(flags: DoctorFlags, { env }: CliEnvironment): Promise<DoctorOptions> {
  const {
    cluster,
    context,
    namespace,
    configurationName,
    certificateSecret,
    argocdNamespace,
    fluxNamespace,
    bundle,
    format,
    failOnWarn,
  } = flags
  const same = { format, failOnWarn, ...(bundle !== undefined && { bundle }) }
  const lost = (['kubeconfig', 'context', 'namespace'] as const).filter(each => flags[each] !== undefined)
  if (!cluster) {
    if (lost.length > 0) throw new GateError('USAGE', `${lost.map(each => `--${each}`).join(', ')} needs --cluster`)
    return same
  }
  const kubeconfig = flags.kubeconfig ?? usualKubeconfig(env)
  if (context !== undefined && kubeconfig === undefined) {
    throw new GateError('USAGE', '--context needs a kubeconfig: name it with --kubeconfig')
  }
  return {
    ...same,
    cluster: {
      namespace: namespace ?? (await ownNamespace(env)),
      configurationName,
      certificateSecret,
      argoCdNamespace: argocdNamespace,
      fluxNamespace,
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
    },
  }
}

/** Where kubectl would look; undefined: the service account of the Pod. */
function usualKubeconfig(env: CliEnvironment['env']): string | undefined {
  const named = (env.KUBECONFIG ?? '').split(delimiter).filter(each => each !== '')
  if (named.length > 1) throw new GateError('USAGE', 'KUBECONFIG names several files: name one with --kubeconfig')
  if (named[0] !== undefined) return named[0]
  return inClusterOf(env) === null && env.HOME !== undefined ? join(env.HOME, '.kube', 'config') : undefined
}
