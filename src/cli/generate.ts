import { Option, type Command } from 'commander'
import { resolve } from 'node:path'
import { write, type CliEnvironment } from './environment.js'
import type * as Door from '../../plugin/argocd/main.js'
import type { Program } from './program.js'

interface ConfigFlag {
  readonly config?: string
}

const config = (): Option => new Option('--config <file>', 'the mounted configuration of the gate')

/** Declares `lockkeeper generate`. */
export function addGenerate(program: Program, environment: CliEnvironment, version: string): void {
  const door = () => import('../../plugin/argocd/main.js')
  const own = () => ({
    directory: process.cwd(),
    env: environment.env,
    now: environment.now,
    signal: environment.signal,
  })
  const generate = program.command
    .command('generate')
    .summary('render and judge for Argo CD')
    .description(
      'Renders the working directory as Argo CD would, judges what is rendered, and prints it only where it is allowed. ' +
        'argocd-cmp-server runs it; the Application is in the environment.',
    )
    .addOption(config())
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper generate --config /etc/lockkeeper/generate.yaml
  lockkeeper generate plugin > plugin.yaml

Exit codes: 0 allowed, 1 denied, 2 could not judge; only with 0 there is something on stdout`,
    )
    .action(async (options: ConfigFlag) => {
      program.exitCode = await (await import('./render-once.js')).renderOnce(options.config, environment)
    })
  addParameters(generate, environment, { door, own })
  generate
    .command('plugin')
    .description("Prints the plugin.yaml of argocd-cmp-server's container.")
    .option('--socket <path>', 'ask the scorer that listens there instead of judging in place')
    .option('--config <file>', 'the mounted configuration that the command is given')
    .addHelpText(
      'after',
      '\nExamples:\n  lockkeeper generate plugin > plugin.yaml\n  lockkeeper generate plugin --socket /run/lockkeeper/scorer.sock',
    )
    .action(async (options: ConfigFlag & { readonly socket?: string }) => {
      await write(environment.stdout, await (await door()).pluginText(version, options))
    })
  generate
    .command('serve')
    .description('Stays up and answers the renders that its client asks for on a Unix socket.')
    .requiredOption('--socket <path>', 'where to listen')
    .addOption(config())
    .addHelpText(
      'after',
      '\nExamples:\n  lockkeeper generate serve --socket /run/lockkeeper/scorer.sock --config /etc/lockkeeper/generate.yaml',
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ConfigFlag & { readonly socket: string }>()
      const log = (line: string): void => {
        environment.stderr.write(`lockkeeper: ${line}\n`)
      }
      await (await door()).serve({ ...options, socket: resolve(options.socket), version, log }, own())
    })
}

function addParameters(
  generate: Command,
  environment: CliEnvironment,
  {
    door,
    own,
  }: {
    readonly door: () => Promise<typeof Door>
    readonly own: () => Door.DoorEnvironment
  },
): void {
  generate
    .command('parameters')
    .description("Prints what Argo CD's UI shows of the working directory's parameters, as JSON.")
    .addOption(config())
    .addHelpText('after', '\nExamples:\n  lockkeeper generate parameters')
    .action(async (_: unknown, command: Command) => {
      const { config: path } = command.optsWithGlobals<ConfigFlag>()
      await write(environment.stdout, await (await door()).parametersText(path, own()))
    })
}
