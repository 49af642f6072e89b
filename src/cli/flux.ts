import { Option } from 'commander'
import type { CliEnvironment } from './environment.js'
import { addFluxController } from './flux-controller.js'
import type { FluxJudgeOptions } from './flux-judge.js'
import { rfc3339, wholeNumber } from './option-values.js'
import type { Program } from './program.js'

/** Flags that were not given. */
const FLAGS = { failOnWarn: false, insecureUnsigned: false, lenient: false, verbose: false, quiet: false } as const
type Given = keyof typeof FLAGS | 'archive' | 'kustomizations'

/** Declares `lockkeeper flux`. */
export function addFlux(program: Program, environment: CliEnvironment): void {
  const flux = program.command.command('flux').summary('judge for Flux').description('The gate in front of Flux.')
  flux
    .command('judge')
    .summary('judge an artifact as the gate would')
    .description(
      'Builds Kustomizations of Flux from an artifact (a .tgz, as a source serves it) as kustomize-controller would, and judges ' +
        'what they would apply, all or nothing. ConfigMaps and Secrets beside the Kustomizations are what substituteFrom finds.',
    )
    .argument('<artifact>', 'a .tgz')
    .argument('<kustomizations...>', 'files with Kustomizations')
    .option('--base <file>', 'the objects that are live (default: nobody knows them)')
    .addOption(new Option('--format <format>', 'how the answer is written').choices(['text', 'json']).default('text'))
    .option('--fail-on-warn', 'exit with 3 where there are warnings and no denial')
    .option('--bundle <path>', 'a bundle: a directory or a .tar.gz (default: the built-in one)')
    .option('--insecure-unsigned', 'accept a --bundle without a signature')
    .option('--kustomize <binary>', 'the kustomize to build with (default: the one on PATH)')
    .option('--lenient', 'variables that nobody has set are empty, as where StrictPostBuildSubstitutions=false')
    .option('--workers <n>', 'threads that judge (default: one per core)', wholeNumber)
    .option('--now <time>', 'judge as if it were this RFC 3339 time, for output that can be repeated', rfc3339)
    .option('-v, --verbose', 'also list objects that nothing was found in')
    .option('-q, --quiet', 'write no text but errors: the exit code is the answer')
    .option('--color', 'colours even where there is no terminal')
    .option('--no-color', 'no colours')
    .addHelpText(
      'after',
      `
Examples:
  lockkeeper flux judge artifact.tgz clusters/prod/shop.yaml
  flux export kustomization shop | lockkeeper flux judge artifact.tgz /dev/stdin
  lockkeeper flux judge --format json --base live.yaml artifact.tgz shop.yaml > decision.json

Exit codes: 0 allowed, 1 denied, 2 could not judge, 3 warnings with --fail-on-warn`,
    )
    .action(async (archive: string, kustomizations: string[], options: Omit<FluxJudgeOptions, Given>) => {
      const { runFluxJudge } = await import('./flux-judge.js')
      program.exitCode = await runFluxJudge({ ...FLAGS, ...options, archive, kustomizations }, environment)
    })
  addFluxController(flux, environment)
}
