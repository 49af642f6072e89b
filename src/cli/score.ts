import { manifestItem } from '../change-set.js'
import { contextTime } from '../context.js'
import type { Decision } from '../decision-types.js'
import { GateError } from '../errors.js'
import { inOrder } from '../in-order.js'
import type { JsonObject } from '../json.js'
import { findInputs } from '../io/inputs.js'
import type { ReviewPool } from '../io/pool.js'
import { findCounterfactual, type Counterfactual } from '../risk/counterfactual.js'
import { createEstimate, type Estimate } from '../risk/estimate.js'
import { readModels } from '../risk/models.js'
import { scoresJson, scoresText, type ScoredObject } from '../report/scores.js'
import { setError } from '../set-decision.js'
import { paintFor } from './colors.js'
import type { CliEnvironment } from './environment.js'
import { judgeWith, nothingFound, renderOptions, writeError, type JudgingOptions } from './judging.js'
import { ScanItems, type Item } from './scan-items.js'

/** `lockkeeper score` as it was asked for. */
export interface ScoreOptions extends Omit<JudgingOptions, 'format' | 'failOnWarn' | 'report' | 'version'> {
  readonly format: 'text' | 'json'
}

/**
 * Ranks everything in the paths by its risk. A score is not a verdict: however high it is, nothing is denied here.
 *
 * @returns the exit code: 2 when something could not be read or scored
 * @throws GateError when nothing can be scored: no bundle, or one without a risk model
 */
export function runScore(options: ScoreOptions, environment: CliEnvironment): Promise<number> {
  return judgeWith(options, environment, async pool => {
    const { model } = pool.bundle
    if (model === null) {
      const name = options.bundle === undefined ? 'built-in bundle' : `bundle ${options.bundle}`
      throw new GateError('USAGE', `the ${name} has no risk model: name a bundle that has one with --bundle`)
    }
    const estimate = createEstimate(readModels(model))
    return scores(options, environment, pool, estimate)
  })
}

async function scores(
  options: ScoreOptions,
  environment: CliEnvironment,
  pool: ReviewPool,
  estimate: Estimate,
): Promise<{ readonly text: string; readonly exitCode: number }> {
  const { stdin, stdout, signal } = environment
  const { paths, format, namespace, verbose, quiet, color } = options
  const { inputs, errors } = await findInputs(paths)
  const failures = [...errors]
  const found: ScoredObject[] = []
  const reader = new ScanItems(inputs, {
    stdin,
    defaultNamespace: namespace,
    render: renderOptions(options, environment),
  })
  const judge = async (item: Item): Promise<ScoredObject | GateError | null> => {
    if (item.kind === 'error') return item.error
    return item.kind === 'object' ? scored(item, options, environment, { pool, estimate }) : null
  }
  for await (const result of inOrder(reader.items(), pool.workers * 2, judge)) {
    signal.throwIfAborted()
    if (result instanceof GateError) failures.push(result)
    else if (result !== null) found.push(result)
  }
  if (found.length + failures.length === 0) failures.push(nothingFound(paths, reader.skipped.size))
  for (const failure of failures) await writeError(environment, setError(failure))
  const ranked = found.sort((a, b) => (b.risk?.score ?? -1) - (a.risk?.score ?? -1))
  const isComplete = failures.length === 0 && ranked.every(each => each.problem === null)
  const report = { ranked, errors: failures.map(setError), bundle: pool.bundle.reference }
  const text =
    format === 'json' ? scoresJson(report) : scoresText(report, paintFor(stdout, color, environment), verbose)
  return { text: quiet && format === 'text' ? '' : text, exitCode: isComplete ? 0 : 2 }
}

async function scored(
  { manifest, set, place }: Extract<Item, { kind: 'object' }>,
  { namespace, now }: ScoreOptions,
  environment: CliEnvironment,
  { pool, estimate }: { readonly pool: ReviewPool; readonly estimate: Estimate },
): Promise<ScoredObject | GateError> {
  const { config, namespaces } = pool.bundle
  try {
    const { request, context } = manifestItem(
      manifest,
      null,
      {
        gate: 'cli',
        now: contextTime(now ?? environment.now),
        userInfo: config.prediction.userInfo,
        namespace,
        namespaceOf: (name, file) => set.namespaceOf(name, file) ?? namespaces.get(name),
      },
      place,
    )
    return scoredObject(await pool.review(request, context), place, request.object, estimate)
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    const position = { ...place, document: manifest.source.document, ...error.position }
    return new GateError(error.code, error.message, { cause: error, position })
  }
}

function scoredObject(
  { resource, risk, anomaly, degraded }: Decision,
  place: object,
  object: JsonObject | null,
  estimate: Estimate,
): ScoredObject {
  const problem = degraded.find(({ code }) => code === 'SCORE_INVALID')?.text ?? null
  return {
    resource: { ...resource, ...place },
    risk,
    anomaly,
    counterfactual: harmless(object, risk, estimate),
    problem,
  }
}

/** What would bring a score that is not low under its threshold. */
function harmless(object: JsonObject | null, risk: Decision['risk'], estimate: Estimate): Counterfactual | null {
  if (object === null || risk === null || risk.band === 'low') return null
  return findCounterfactual({
    object,
    oldObject: null,
    contributions: estimate.reasons(object),
    threshold: risk.threshold,
    score: each => estimate.score(each),
  })
}
