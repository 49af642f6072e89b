import { manifestItem, type Surroundings } from '../change-set.js'
import { bareContext, contextTime, PREDICTED } from '../context.js'
import type { Decision, SetViolation } from '../decision-types.js'
import { GateError } from '../errors.js'
import { inOrder } from '../in-order.js'
import { findInputs } from '../io/inputs.js'
import type { ReviewPool } from '../io/pool.js'
import type { ManifestSet } from '../manifest-set.js'
import type { Change } from '../policy/evaluate.js'
import type { ViolationLines } from '../report/report.js'
import { withPlaces } from '../review-set.js'
import { createSetBuilder, setError } from '../set-decision.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'
import { exitCodeOf, judgeWith, nothingFound, renderOptions, writeError, type JudgingOptions } from './judging.js'
import { htmlPage } from './html-page.js'
import { createProgress } from './progress.js'
import { ScanItems, type Item } from './scan-items.js'
import { createScanReport, ViolationLocator } from './scan-report.js'

/** `lockkeeper scan` as it was asked for; its paths are files, directories and `-` for stdin. */
export type ScanOptions = JudgingOptions

/**
 * Judges everything in the paths and reports it.
 *
 * @returns the exit code
 * @throws GateError when nothing can be judged: no bundle, or a wrong option
 */
export function runScan(options: ScanOptions, environment: CliEnvironment): Promise<number> {
  return judgeWith(options, environment, pool => new Scan(options, environment, pool).run())
}

interface Judged {
  readonly item: Item
  readonly judged?: { readonly change: Change; readonly decision: Decision }
  readonly error?: GateError
}

const NO_LINES: ViolationLines = new Map()

/** One run over all inputs. */
class Scan {
  readonly #options: ScanOptions
  readonly #environment: CliEnvironment
  readonly #pool: ReviewPool
  readonly #now: string
  /** Only kept where a policy judges whole sets. */
  readonly #changes: Map<ManifestSet, { change: Change; decision: Decision }[]> | null

  constructor(options: ScanOptions, environment: CliEnvironment, pool: ReviewPool) {
    this.#options = options
    this.#environment = environment
    this.#pool = pool
    this.#now = contextTime(options.now ?? environment.now)
    this.#changes = pool.bundle.cards.some(card => card.scope === 'changeset') ? new Map() : null
  }

  async run(): Promise<{ readonly text: string; readonly exitCode: number }> {
    const { stdin, stdout, stderr, env, signal } = this.#environment
    const { paths, format, verbose, quiet, color, namespace, bundle, version } = this.#options
    const set = createSetBuilder(this.#pool.bundle.reference, 'cli')
    const paint = paintFor(stdout, color, { env })
    const bundleName = bundle ?? 'built-in'
    const { cards } = this.#pool.bundle
    const shown = { paint, verbose, quiet, bundleName, cards, version, now: this.#now }
    const report = await createScanReport(format, shown)
    const gate = 'cli'
    const page = await htmlPage(this.#options.report, {
      gate,
      title: paths.join(', '),
      bundleName,
      version,
      now: this.#now,
    })
    const locator = new ViolationLocator()
    const { inputs, errors } = await findInputs(paths)
    const progress = createProgress(stderr, quiet ? 0 : inputs.length)
    const render = renderOptions(this.#options, this.#environment)
    const reader = new ScanItems(inputs, { stdin, defaultNamespace: namespace, render })
    const fail = async (error: GateError): Promise<void> => {
      const failure = setError(error)
      set.addError(failure)
      progress.clear()
      await writeError(this.#environment, failure)
    }

    let found = errors.length
    try {
      for (const error of errors) await fail(error)
      for await (const { item, judged, error } of inOrder(reader.items(), this.#pool.workers * 2, item =>
        this.#judge(item),
      )) {
        signal.throwIfAborted()
        if (item.kind === 'read') progress.advance()
        if (item.kind === 'object' || item.kind === 'error') found += 1
        if (item.kind === 'end')
          for (const violation of await this.#setViolations(item.set, fail)) set.addViolation(violation)
        if (error !== undefined) await fail(error)
        if (judged === undefined || item.kind !== 'object') continue
        set.add(judged.decision)
        this.#keepChange(item.set, judged)
        const { change, decision } = judged
        page?.add(decision, change)
        const text = report.decision(decision, () =>
          item.hasLines ? locator.lines(item.manifest, decision) : NO_LINES,
        )
        if (text !== '' && stdout.isTTY === true) progress.clear()
        await write(stdout, text)
      }
    } finally {
      progress.clear()
    }
    const skipped = reader.skipped.size
    if (found === 0) await fail(nothingFound(paths, skipped))
    const finished = set.finish()
    await page?.write(finished, skipped)
    return { text: report.end(finished, skipped), exitCode: exitCodeOf(finished, this.#options.failOnWarn) }
  }

  async #judge(item: Item): Promise<Judged> {
    if (item.kind === 'error') return { item, error: item.error }
    if (item.kind !== 'object') return { item }
    const { manifest, set, place } = item
    try {
      const { request, context } = manifestItem(manifest, null, this.#surroundings(set), place)
      const decision = await this.#pool.review(request, context)
      const change = { operation: request.operation, object: request.object, oldObject: null, risk: decision.risk }
      return { item, judged: { change, decision: { ...decision, resource: { ...decision.resource, ...place } } } }
    } catch (error) {
      if (!(error instanceof GateError)) throw error
      const position = { ...place, document: manifest.source.document, ...error.position }
      return { item, error: new GateError(error.code, error.message, { cause: error, position }) }
    }
  }

  /** Every manifest is judged as new, by whoever the bundle's configuration predicts; nothing else is known before a sync. */
  #surroundings(set: ManifestSet): Surroundings {
    const { config, namespaces } = this.#pool.bundle
    return {
      gate: 'cli',
      now: this.#now,
      userInfo: config.prediction.userInfo,
      namespace: this.#options.namespace,
      namespaceOf: (name, file) => set.namespaceOf(name, file) ?? namespaces.get(name),
    }
  }

  #keepChange(set: ManifestSet, judged: NonNullable<Judged['judged']>): void {
    const changes = this.#changes?.get(set)
    if (changes === undefined) this.#changes?.set(set, [judged])
    else changes.push(judged)
  }

  async #setViolations(set: ManifestSet, fail: (error: GateError) => Promise<void>): Promise<readonly SetViolation[]> {
    const duplicates = set.duplicates()
    const changes = this.#changes?.get(set) ?? []
    this.#changes?.delete(set)
    if (changes.length === 0) return duplicates
    try {
      const found = await this.#pool.reviewChanges(
        changes.map(({ change }) => change),
        bareContext({ gate: 'cli', now: this.#now, namespace: null, provenance: PREDICTED }),
      )
      const decisions = changes.map(({ decision }) => decision)
      return [...duplicates, ...found.map(violation => withPlaces(violation, decisions))]
    } catch (error) {
      if (!(error instanceof GateError)) throw error
      await fail(error)
      return duplicates
    }
  }
}
