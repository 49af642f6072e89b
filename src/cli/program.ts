import { Argument, Command, Option } from 'commander'
import { GateError } from '../errors.js'
import { FEEDBACK_LABELS, type FeedbackLabel } from '../feedback.js'
import { addController } from './controller.js'
import type { DiffOptions } from './diff.js'
import { addDoctor } from './doctor.js'
import type { CliEnvironment } from './environment.js'
import type { ExplainOptions } from './explain.js'
import type { FeaturesOptions } from './features.js'
import type { FeedbackOptions } from './feedback.js'
import { addFlux } from './flux.js'
import { addGenerate } from './generate.js'
import { rfc3339, wholeNumber } from './option-values.js'
import type { LookOptions } from './policy.js'
import type { RarityOptions } from './rarity.js'
import type { ScanOptions } from './scan.js'
import type { ScoreOptions } from './score.js'
import { SCAN_FORMATS } from './scan-formats.js'
import { addWebhook } from './webhook.js'

/** What the commands answer through: the exit code of the last one. */
export interface Program {
  readonly command: Command
  exitCode: number
}

/**
 * The `lockkeeper` program as a table of commands. Each command loads its own part when it is called, so that none pays
 * for the others.
 */
export function createProgram(environment: CliEnvironment, version: string): Program {
  const command = new Command('lockkeeper')
  const program: Program = { command, exitCode: 0 }
  command
    .description('Judges Kubernetes changes: what Git is about to apply, and what reaches the API server.')
    .version(version, '-V, --version')
    .option('--debug', 'print the stack of an unexpected error')
    .configureOutput({
      writeOut: text => environment.stdout.write(text),
      writeErr: text => environment.stderr.write(text),
      // What is wrong is said once, by the place that answers for all errors.
      outputError: () => undefined,
    })
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper scan manifests/                  judge everything below a directory
  kustomize build . | lockkeeper scan -       judge what a pipe delivers
  lockkeeper diff --base main                 judge what a branch changes
  lockkeeper policy show host_ports           read about a policy

Exit codes: 0 allowed, 1 denied, 2 could not judge, 3 warnings with --fail-on-warn`,
    )
  addScan(program, environment, version)
  addDiff(program, environment, version)
  addPolicy(command, environment)
  addBundle(command, environment)
  addScore(program, environment)
  addExplain(command, environment)
  addFeedback(command, environment)
  addFeatures(program, environment)
  addRarity(program, environment)
  addGenerate(program, environment, version)
  addFlux(program, environment)
  addWebhook(command, environment, version)
  addController(command, environment)
  addDoctor(program, environment, version)
  return program
}

const format = (): Option =>
  new Option('--format <format>', 'how the answer is written').choices(['text', 'json']).default('text')
const color = (): Option => new Option('--color', 'colours even where there is no terminal')
const noColor = (): Option => new Option('--no-color', 'no colours')
const bundle = (): Option =>
  new Option('--bundle <path>', 'a bundle: a directory or a .tar.gz (default: the built-in one)')

/** The command whose help answers a mistake in `args`: `lockkeeper policy show --help`. */
export function helpFor(program: Command, args: readonly string[]): string {
  const words = [program.name()]
  let command = program
  for (const arg of args) {
    const next = command.commands.find(each => each.name() === arg)
    if (next === undefined) continue
    words.push(arg)
    command = next
  }
  return `${words.join(' ')} --help`
}

/** Flags that were not given. */
const FLAGS = { failOnWarn: false, insecureUnsigned: false, verbose: false, quiet: false } as const

function addScan(program: Program, environment: CliEnvironment, version: string): void {
  withJudgingOptions(program.command.command('scan'))
    .summary('judge manifests')
    .description(
      'Judges Kubernetes manifests in files and directories, or from stdin. Directories are read recursively; one with a ' +
        'kustomization is rendered by kustomize, one with a chart by helm. A .jsonl, .ndjson or .jsonl.gz file has an ' +
        'object, or a record with a `manifest`, on each line.',
    )
    .argument('[paths...]', 'files, directories, or - for stdin', ['.'])
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper scan deploy/ apps/payments.yaml
  lockkeeper scan --format json envs/prod > decisions.json
  lockkeeper scan --format sarif envs/prod > lockkeeper.sarif
  lockkeeper scan --report report.html envs/prod
  helm template ./chart | lockkeeper scan --namespace shop -
  lockkeeper scan --bundle ./bundle.tar.gz --insecure-unsigned --fail-on-warn envs/

Exit codes: 0 allowed, 1 denied, 2 could not judge, 3 warnings with --fail-on-warn`,
    )
    .action(async (paths: string[], options: Omit<ScanOptions, 'paths' | 'version' | keyof typeof FLAGS>) => {
      const { runScan } = await import('./scan.js')
      program.exitCode = await runScan({ ...FLAGS, ...options, paths, version }, environment)
    })
}

/** What every command takes that reads manifests and asks a bundle about them. */
function withSourceOptions(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'the namespace of objects that name none', 'default')
    .addOption(bundle())
    .option('--insecure-unsigned', 'accept a --bundle without a signature')
    .option('--kustomize <binary>', 'the kustomize to render with (default: the one on PATH)')
    .option('--helm <binary>', 'the helm to render with (default: the one on PATH)')
}

/** What every command that judges manifests takes. */
function withJudgingOptions(command: Command): Command {
  command
    .addOption(new Option('--format <format>', 'how the answer is written').choices(SCAN_FORMATS).default('text'))
    .option('--fail-on-warn', 'exit with 3 where there are warnings and no denial')
  return withSourceOptions(command)
    .option('--workers <n>', 'threads that judge (default: one per core)', wholeNumber)
    .option('--report <file>', 'also write a report to look at: one HTML page')
    .option('--now <time>', 'judge as if it were this RFC 3339 time, for output that can be repeated', rfc3339)
    .option('-v, --verbose', 'also list objects that nothing was found in')
    .option('-q, --quiet', 'write no text but errors: the exit code is the answer')
    .addOption(color())
    .addOption(noColor())
}

function addDiff(program: Program, environment: CliEnvironment, version: string): void {
  const command = program.command
    .command('diff')
    .summary('judge what a branch changes')
    .description(
      'Judges what the working tree changes against a revision of Git, before it is merged: renders both, compares them object ' +
        'by object as the gates compare with what is live, and says who gains what by it. An object that is gone is judged as ' +
        'deleted; a violation that was there before is marked as not new, and at most warns where its policy says so. ' +
        'Compared is with the merge base of the revision and HEAD, as pull requests are shown: what others have merged since ' +
        'is not your change. That needs the history: in CI, check out all of it (actions/checkout: fetch-depth: 0; GitLab: ' +
        'GIT_DEPTH: 0), or fetch the revision alone and name --no-merge-base.',
    )
    .argument('[paths...]', 'files and directories of one repository; they may be gone', ['.'])
    .requiredOption('--base <revision>', 'what to compare with: a branch, a tag or a commit')
    .option('--no-merge-base', 'compare with the revision itself, not with where HEAD has left it')
  withJudgingOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper diff --base main
  lockkeeper diff --base origin/main apps/ envs/prod
  lockkeeper diff --base origin/main --format sarif > lockkeeper.sarif
  lockkeeper diff --base HEAD --no-merge-base       what is not committed yet

Exit codes: 0 allowed, 1 denied, 2 could not judge, 3 warnings with --fail-on-warn`,
    )
    .action(async (paths: string[], options: Omit<DiffOptions, 'paths' | 'version' | keyof typeof FLAGS>) => {
      const { runDiff } = await import('./diff.js')
      program.exitCode = await runDiff({ ...FLAGS, ...options, paths, version }, environment)
    })
}

function addScore(program: Program, environment: CliEnvironment): void {
  const command = program.command
    .command('score')
    .summary('rank manifests by their risk')
    .description(
      'Ranks Kubernetes manifests by what the risk model of a bundle says of them, the highest score first, and draws how ' +
        'each score comes about. A score is no verdict: nothing is denied.',
    )
    .argument('[paths...]', 'files, directories, or - for stdin', ['.'])
    .addOption(format())
  withSourceOptions(command)
    .option('--workers <n>', 'threads that score (default: one per core)', wholeNumber)
    .option('--now <time>', 'score as if it were this RFC 3339 time, for output that can be repeated', rfc3339)
    .option('-v, --verbose', 'also draw how low scores come about')
    .option('-q, --quiet', 'write no text but errors: the exit code is the answer')
    .addOption(color())
    .addOption(noColor())
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper score --bundle ./bundle --insecure-unsigned envs/prod
  helm template ./chart | lockkeeper score --format json --bundle ./bundle --insecure-unsigned -

Exit codes: 0 everything was scored, 2 something could not be read or scored`,
    )
    .action(async (paths: string[], options: Omit<ScoreOptions, 'paths' | keyof typeof FLAGS>) => {
      program.exitCode = await (await import('./score.js')).runScore({ ...FLAGS, ...options, paths }, environment)
    })
}

function addPolicy(parent: Command, environment: CliEnvironment): void {
  const policy = parent.command('policy').summary('read about policies').description('Shows the policies of a bundle.')
  policy
    .command('list')
    .description('Lists the policies of a bundle.')
    .addOption(bundle())
    .addOption(format())
    .addOption(color())
    .addOption(noColor())
    .addHelpText(
      'after',
      '\nExamples:\n  lockkeeper policy list\n  lockkeeper policy list --format json --bundle ./bundle',
    )
    .action(async (options: LookOptions) => {
      await (await import('./policy.js')).listPolicies(options, environment)
    })
  policy
    .command('show')
    .description('Shows what a policy checks, where, and what it asks for.')
    .argument('<id>', 'the id of a policy, as reports name it')
    .addOption(bundle())
    .addOption(format())
    .addOption(color())
    .addOption(noColor())
    .addHelpText(
      'after',
      '\nExamples:\n  lockkeeper policy show host_ports\n  lockkeeper policy show host_ports --format json',
    )
    .action(async (id: string, options: LookOptions) => {
      await (await import('./policy.js')).showPolicy(id, options, environment)
    })
}

function addBundle(parent: Command, environment: CliEnvironment): void {
  const command = parent.command('bundle').summary('look into bundles').description('Works with policy bundles.')
  command
    .command('inspect')
    .description(
      'Shows what a bundle holds: its digest, policies, configuration and exceptions. Nothing is judged with it.',
    )
    .argument('[path]', 'a directory or a .tar.gz (default: the built-in bundle)')
    .addOption(format())
    .addOption(color())
    .addOption(noColor())
    .addHelpText(
      'after',
      '\nExamples:\n  lockkeeper bundle inspect\n  lockkeeper bundle inspect ./bundle.tar.gz --format json',
    )
    .action(async (path: string | undefined, options: LookOptions) => {
      const look = path === undefined ? options : { ...options, bundle: path }
      await (await import('./policy.js')).inspectBundle(look, environment)
    })
}

function addExplain(parent: Command, environment: CliEnvironment): void {
  parent
    .command('explain')
    .summary('print a stored Decision')
    .description(
      'Prints one Decision of a stored answer (lockkeeper scan --format json, or one Decision a line) for people.',
    )
    .argument('<decision>', 'an id, a subject, Kind/namespace/name or Kind/name')
    .option('--from <file>', 'where the Decision is stored, - for stdin', '-')
    .addOption(format())
    .addOption(color())
    .addOption(noColor())
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper explain Deployment/shop/payments --from decisions.json
  lockkeeper scan --format json envs/prod | lockkeeper explain 5b0f3c9a12`,
    )
    .action(async (wanted: string, options: ExplainOptions) => {
      if (options.from === '-' && environment.stdin.isTTY === true) {
        throw new GateError('USAGE', 'stdin is a terminal: name the stored answer with --from <file>')
      }
      await (await import('./explain.js')).explain(wanted, options, environment)
    })
}

function addFeedback(parent: Command, environment: CliEnvironment): void {
  parent
    .command('feedback')
    .summary('say what a Decision was about')
    .description('Appends to a file what you know of a Decision that was made, for later learning. Nothing is undone.')
    .argument('<decision>', 'an id; with --from it may be cut to 8 digits or more')
    .addArgument(new Argument('<label>', 'what the change was').choices(FEEDBACK_LABELS))
    .requiredOption('--reason <text>', 'how you know')
    .option('--from <file>', 'the decision log to find it in; its facts go with the record')
    .option('--out <file>', 'where the record is appended', 'feedback.jsonl')
    .option('--by <name>', 'who says so (default: the user)')
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper feedback 5b0f3c9a12 benign --reason "planned maintenance, OPS-7" --from decisions.jsonl
  lockkeeper feedback 5b0f3c9a12 hostile --reason "stolen token" --from decisions.jsonl.gz --by alice`,
    )
    .action(async (wanted: string, label: FeedbackLabel, options: Omit<FeedbackOptions, 'label'>) => {
      await (await import('./feedback.js')).giveFeedback(wanted, { ...options, label }, environment)
    })
}

function addFeatures(program: Program, environment: CliEnvironment): void {
  program.command
    .command('features')
    .summary('write what the risk model sees')
    .description(
      'Writes the inputs of the risk model for manifests and changes as matrices, to train or examine a model with.',
    )
    .argument('<paths...>', 'files, directories, or - for stdin')
    .requiredOption('--out <directory>', 'where the matrices are written')
    .option('--kustomize <binary>', 'the kustomize to render with (default: the one on PATH)')
    .option('--helm <binary>', 'the helm to render with (default: the one on PATH)')
    .addHelpText(
      'after',
      `
Manifests give objects.f32, objects.rows.jsonl and objects.json; a .jsonl or .jsonl.gz file may also have records with an
\`old\` and a \`new\` object, which give the same three files of changes. The .f32 file holds 32-bit little-endian floats
row by row, the .json file the columns in their order, the number of rows and the version of the features.

Examples:
  lockkeeper features manifests/ --out features/
  lockkeeper features corpus/train.jsonl.gz corpus/changes-train.jsonl.gz --out features/

Exit codes: 0 everything was read, 2 something could not be read`,
    )
    .action(async (paths: string[], options: Omit<FeaturesOptions, 'paths'>) => {
      program.exitCode = await (await import('./features.js')).writeFeatures({ ...options, paths }, environment)
    })
}

function addRarity(program: Program, environment: CliEnvironment): void {
  const rarity = program.command
    .command('rarity')
    .summary('count what is usual')
    .description('Makes the snapshots that unusual changes are found with.')
  rarity
    .command('build')
    .description(
      'Counts what the manifests in the paths say, and writes a snapshot that gates load like other data. What no or hardly ' +
        'any manifest has is unusual in a change. Names, labels, numbers and texts are not in it.',
    )
    .argument('<paths...>', 'files, directories, or - for stdin')
    .requiredOption('--out <file>', 'where the snapshot is written')
    .option('--kustomize <binary>', 'the kustomize to render with (default: the one on PATH)')
    .option('--helm <binary>', 'the helm to render with (default: the one on PATH)')
    .option('--now <time>', 'what the snapshot is as of, as RFC 3339 has it (default: the clock)', rfc3339)
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper rarity build envs/prod --out rarity.bin
  kubectl get deploy,ds,sts,role,clusterrole -A -o json | lockkeeper rarity build - --out rarity.bin

Exit codes: 0 the snapshot is written, 2 something could not be read and nothing was written`,
    )
    .action(async (paths: string[], options: Omit<RarityOptions, 'paths'>) => {
      program.exitCode = await (await import('./rarity.js')).buildRarity({ ...options, paths }, environment)
    })
}
