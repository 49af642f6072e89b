import type { KustomizationJudgement } from '../../plugin/flux/judgement/tree-judgement.js'
import { contextTime } from '../context.js'
import { safeText } from '../report/safe-text.js'
import { plural } from '../report/text.js'
import { reviewSetWith, type SetReviewer } from '../review-set.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'
import { exitCodeOf, judgeWith, renderOptions, writeError, type JudgingOptions } from './judging.js'
import { createScanReport } from './scan-report.js'

/** `lockkeeper flux judge` as it was asked for. */
export interface FluxJudgeOptions extends Pick<
  JudgingOptions,
  'failOnWarn' | 'bundle' | 'insecureUnsigned' | 'kustomize' | 'workers' | 'color' | 'verbose' | 'quiet' | 'now'
> {
  readonly archive: string
  readonly kustomizations: readonly string[]
  readonly base?: string
  readonly format: 'text' | 'json'
  readonly lenient: boolean
}

/**
 * Judges an artifact and reports it.
 *
 * @returns the exit code
 * @throws GateError when nothing can be judged
 */
export function runFluxJudge(options: FluxJudgeOptions, environment: CliEnvironment): Promise<number> {
  const { format, verbose, quiet, color, bundle, failOnWarn } = options
  return judgeWith(options, environment, async pool => {
    const { judgeArtifact } = await import('../../plugin/flux/main.js')
    const now = contextTime(options.now ?? environment.now)
    const { archive, kustomizations: files, base } = options
    const reviewer: SetReviewer = {
      bundle: pool.bundle.reference,
      atOnce: pool.workers * 2,
      review: (request, context) => pool.review(request, context),
      reviewChanges: (changes, context) => pool.reviewChanges(changes, context),
    }
    const { set, kustomizations } = await judgeArtifact(
      { archive, kustomizations: files, ...(base === undefined ? {} : { base }), now },
      {
        gate: { bundle: pool.bundle, reviewSet: (...args) => reviewSetWith(reviewer, ...args) },
        render: { ...renderOptions(options, environment), buildEnvironment: {}, isLenient: options.lenient },
        signal: environment.signal,
      },
    )
    for (const error of set.errors) await writeError(environment, error)
    const notes = kustomizations.flatMap(each => each.notes.map(note => `${nameOf(each)}: ${note}`))
    if (!quiet) for (const note of notes) await write(environment.stderr, `lockkeeper: note: ${safeText(note)}\n`)
    const shown = {
      paint: paintFor(environment.stdout, color, environment),
      verbose,
      quiet,
      bundleName: bundle ?? 'built-in',
      cards: pool.bundle.cards,
      version: '',
      now,
    }
    const report = await createScanReport(format, shown)
    const decisions = set.decisions.map(each => report.decision(each, () => new Map()))
    const summary = format === 'text' && !quiet ? kustomizations.map(verdictLine) : []
    const text = [...decisions, ...summary, report.end(set, 0)].join('')
    return { text, exitCode: exitCodeOf(set, failOnWarn) }
  })
}

const VERDICTS = {
  allow: 'allowed',
  warn: 'allowed with warnings',
  deny: 'denied',
  error: 'could not be judged',
} as const

function verdictLine(judgement: KustomizationJudgement): string {
  return `${nameOf(judgement)}: ${VERDICTS[judgement.action]} (${plural(judgement.objects, 'object')})\n`
}

function nameOf({ namespace, name }: KustomizationJudgement): string {
  return safeText(`Kustomization ${namespace}/${name}`)
}
