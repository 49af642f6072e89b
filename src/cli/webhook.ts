import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import type { WebhookOptions } from '../../webhook/options.js'
import { GateError } from '../errors.js'
import { LOG_LEVELS } from '../io/log-levels.js'
import type { CliEnvironment } from './environment.js'
import { portNumber, repeated, seconds, wholeNumber } from './option-values.js'
import { inClusterOf, ownNamespace } from './own-pod.js'

/** What commander makes of the flags: options whose default depends on others may be missing. */
interface WebhookFlags extends Omit<
  WebhookOptions,
  'address' | 'namespace' | 'clientNames' | 'exemptNamespaces' | 'bootstrapNamespaces' | 'drainSeconds'
> {
  readonly address?: string
  readonly namespace?: string
  readonly clientName: readonly string[]
  readonly exemptNamespace: readonly string[]
  readonly bootstrapNamespace: readonly string[]
  readonly drainSeconds?: number
}

const DRAIN_SECONDS = 15

/** Declares `lockkeeper webhook`. */
export function addWebhook(parent: Command, environment: CliEnvironment, version: string): void {
  const webhook = parent.command('webhook')
  addStaticFiles(webhook, environment)
  webhook
    .summary('judge what reaches the API server')
    .description(
      'Runs the validating admission webhook. In a cluster it makes its certificate, registers itself and keeps both right; ' +
        'with --standalone it needs no cluster and prints where it listens.',
    )
    .option('--standalone', 'no cluster: a certificate of its own, probes and metrics on the same port', false)
    .option('--address <ip>', 'where to listen (default: 0.0.0.0, with --standalone 127.0.0.1)')
    .option('--port <n>', 'the port for reviews, 0 for a free one', portNumber, 8443)
    .option('--probe-port <n>', 'the port for /livez, /readyz and /metrics', portNumber, 8081)
    .option('--bundle <path>', 'a bundle: a directory or a .tar.gz (default: the built-in one)')
    .option('--insecure-unsigned', 'accept a --bundle without a signature', false)
    .option('--workers <n>', 'threads that judge (default: one per core)', wholeNumber)
    .option('--kubeconfig <file>', 'how to reach the cluster from outside (default: the service account of the Pod)')
    .option('-n, --namespace <name>', "the webhook's own namespace (default: that of the Pod)")
    .option('--service <name>', 'the Service that the API server calls', 'lockkeeper-webhook')
    .option('--url <url>', 'what the API server calls instead of the Service: https://host:port')
    .option('--certificate-secret <name>', 'the Secret that the replicas share', 'lockkeeper-webhook-tls')
    .option('--tls-cert <file>', 'a certificate that somebody else renews; no Secret is touched then')
    .option('--tls-key <file>', 'its key')
    .option('--tls-ca <file>', 'the authority that signed it (default: the last certificate in --tls-cert)')
    .option('--client-ca <file>', 'callers must show a certificate by this authority')
    .option('--client-name <name>', 'a common name that may call; may be given more than once', repeated, [])
    .option('--no-registration', 'leave the ValidatingWebhookConfiguration to somebody else')
    .option('--configuration-name <name>', 'the name of the ValidatingWebhookConfiguration', 'lockkeeper')
    .option('--exempt-namespace <name>', 'a namespace that is not judged; may be given more than once', repeated, [])
    .option(
      '--bootstrap-namespace <name>',
      'a namespace that a cold cluster starts with (default: kube-system); may be given more than once',
      repeated,
      [],
    )
    .addOption(
      new Option('--failure-policy <policy>', 'what the API server does without an answer')
        .choices(['Fail', 'Ignore'])
        .default('Fail'),
    )
    .option('--drain-seconds <n>', `how long it answers while it leaves (default: ${DRAIN_SECONDS})`, seconds)
    .option('--bundle-port <n>', 'serve the bundle to authenticated gates on this port', portNumber)
    .option('--decision-log <target>', 'a file, or an http(s) URL, for decisions')
    .option('--otlp-endpoint <url>', 'send traces there, by OTLP over HTTP')
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LOG_LEVELS).default('info'))
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper webhook --standalone --port 8443
  lockkeeper webhook --bundle /bundle --insecure-unsigned --exempt-namespace sandbox`,
    )
    .action(async (flags: WebhookFlags) => {
      const options = await webhookOptions(flags, environment)
      const { runWebhook } = await import('../../webhook/main.js')
      const { stdout, stderr, signal, env } = environment
      const identity = env.POD_NAME ?? hostname()
      await runWebhook(options, { stdout, stderr, signal, version, identity, inCluster: inClusterOf(env) })
    })
}

interface StaticFlags {
  readonly directory: string
  readonly url: string
  readonly ca: string
  readonly failurePolicy: 'Fail' | 'Ignore'
  readonly clientCert?: string
  readonly clientKey?: string
}

function addStaticFiles(parent: Command, { stdout }: CliEnvironment): void {
  parent
    .command('static-files')
    .summary('write the registration that the API cannot delete')
    .description(
      'Writes files for the API server (Kubernetes 1.37): a registration that guards webhook configurations and admission ' +
        'policies, and that nobody can change by the API. Copy the directory to every control-plane node.',
    )
    .requiredOption('--directory <path>', 'where the files are, here and on the control-plane nodes')
    .requiredOption('--url <url>', 'where the API server reaches the webhook: https://host:port')
    .requiredOption('--ca <file>', 'the authority that signed its certificate; the API server reads it at its start')
    .addOption(
      new Option('--failure-policy <policy>', 'what happens to such changes without an answer')
        .choices(['Fail', 'Ignore'])
        .default('Fail'),
    )
    .option('--client-cert <path>', 'a certificate that the API server shows to the webhook, by its path there')
    .option('--client-key <path>', 'its key')
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper webhook static-files --directory /etc/kubernetes/lockkeeper --url https://10.0.0.5:8443 --ca ca.crt`,
    )
    .action(async ({ clientCert, clientKey, ...same }: StaticFlags) => {
      if ((clientCert === undefined) !== (clientKey === undefined)) {
        throw new GateError('USAGE', '--client-cert and --client-key go together')
      }
      if (!isUrl(same.url, ['https:'])) throw new GateError('USAGE', `--url: ${same.url} is no URL with https:`)
      const { writeStaticFiles } = await import('../../webhook/main.js')
      const file = await writeStaticFiles({
        ...same,
        ...(clientCert === undefined ? {} : { clientCertificateFile: clientCert }),
        ...(clientKey === undefined ? {} : { clientKeyFile: clientKey }),
      })
      stdout.write(`start kube-apiserver with --admission-control-config-file=${file}\n`)
    })
}

/** Checks what flags say together. @throws GateError USAGE naming every mistake */
async function webhookOptions(flags: WebhookFlags, { env }: CliEnvironment): Promise<WebhookOptions> {
  const { clientName, exemptNamespace, bootstrapNamespace, drainSeconds, address, namespace, ...same } = flags
  const problems: string[] = []
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined))
    problems.push('--tls-cert and --tls-key go together')
  if (flags.tlsCa !== undefined && flags.tlsCert === undefined) problems.push('--tls-ca needs --tls-cert')
  if (clientName.length > 0 && flags.clientCa === undefined) problems.push('--client-name needs --client-ca')
  for (const [flag, url, schemes] of [
    ['--url', flags.url, ['https:']],
    ['--otlp-endpoint', flags.otlpEndpoint, ['http:', 'https:']],
  ] as const) {
    if (url !== undefined && !isUrl(url, schemes))
      problems.push(`${flag}: ${url} is no URL with ${schemes.join(' or ')}`)
  }
  if (problems.length > 0) throw new GateError('USAGE', problems.join('\n'))
  return {
    ...same,
    address: address ?? (flags.standalone ? '127.0.0.1' : '0.0.0.0'),
    namespace: namespace ?? (await ownNamespace(env)),
    clientNames: clientName,
    exemptNamespaces: exemptNamespace,
    bootstrapNamespaces: bootstrapNamespace.length > 0 ? bootstrapNamespace : ['kube-system'],
    drainSeconds: drainSeconds ?? (flags.standalone ? 0 : DRAIN_SECONDS),
  }
}

function isUrl(text: string, schemes: readonly string[]): boolean {
  return URL.canParse(text) && schemes.includes(new URL(text).protocol)
}
