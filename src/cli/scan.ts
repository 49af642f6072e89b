import { manifestItem, type Surroundings } from '../change-set.js'
import { bareContext, contextTime, PREDICTED } from '../context.js'
import type { Decision, SetViolation } from '../decision-types.js'
import { GateError } from '../errors.js'
import { builtInBundlePath, loadBundleFiles } from '../io/bundle-source.js'
import { inOrder } from '../in-order.js'
import { findInputs } from '../io/inputs.js'
import type { ReviewPool } from '../io/pool.js'
import type { ManifestSet } from '../manifest-set.js'
import type { Change } from '../policy/evaluate.js'
import type { ViolationLines } from '../report/report.js'
import { errorText } from '../report/text.js'
import { withPlaces } from '../review-set.js'
import { createSetBuilder, setError } from '../set-decision.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'
import { createProgress } from './progress.js'
import { ScanItems, type Item } from './scan-items.js'
import type { ScanFormat } from './scan-formats.js'
import { createScanReport, ViolationLocator } from './scan-report.js'

/** `lockkeeper scan` as it was asked for. */
export interface ScanOptions {
  /** Files, directories, `-` for stdin. */
  readonly paths: readonly string[]
  readonly format: ScanFormat
  readonly failOnWarn: boolean
  /** For namespaced objects that name none. */
  readonly namespace: string
  /** Not given: the bundle that comes with the program. */
  readonly bundle?: string
  readonly insecureUnsigned: boolean
  readonly kustomize?: string
  readonly helm?: string
  readonly workers?: number
  readonly color?: boolean
  readonly verbose: boolean
  readonly quiet: boolean
  /** RFC 3339: judges as if it were then. */
  readonly now?: Date
  /** The version of lockkeeper, for reports that name their writer. */
  readonly version: string
}

/** The answer of a gate as an exit code; higher in the list goes first. */
export const EXIT = { failed: 2, denied: 1, warned: 3, allowed: 0 } as const

/**
 * Judges everything in the paths and reports it.
 *
 * @returns the exit code
 * @throws GateError when nothing can be judged: no bundle, or a wrong option
 */
export async function runScan(options: ScanOptions, environment: CliEnvironment): Promise<number> {
  const { stdout, stderr, createPool, signal } = environment
  const bundlePath = options.bundle ?? (await builtInBundlePath())
  const pool = await createPool({
    files: await loadBundleFiles(bundlePath),
    allowUnsigned: options.bundle === undefined || options.insecureUnsigned,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  })
  // Whatever is being judged ends at once; the loop below then sees the signal.
  signal.addEventListener('abort', () => void pool.close(), { once: true })
  try {
    const { reference } = pool.bundle
    if (options.bundle === undefined && !options.quiet) {
      const notice = `lockkeeper: no --bundle named, judging with the built-in one (${reference.digest})`
      await write(stderr, `${paintFor(stderr, options.color, environment).dim(notice)}\n`)
    }
    const scan = new Scan(options, environment, pool)
    const summary = await scan.run()
    signal.throwIfAborted()
    await write(stdout, summary.text)
    return summary.exitCode
  } finally {
    await pool.close()
  }
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
    const { paths, format, verbose, quiet, color, kustomize, helm, namespace, bundle, version } = this.#options
    const set = createSetBuilder(this.#pool.bundle.reference, 'cli')
    const paint = paintFor(stdout, color, { env })
    const bundleName = bundle ?? 'built-in'
    const { cards } = this.#pool.bundle
    const shown = { paint, verbose, quiet, bundleName, cards, version, now: this.#now }
    const report = await createScanReport(format, shown)
    const locator = new ViolationLocator()
    const { inputs, errors } = await findInputs(paths)
    const progress = createProgress(stderr, quiet ? 0 : inputs.length)
    const binaries = { ...(kustomize === undefined ? {} : { kustomize }), ...(helm === undefined ? {} : { helm }) }
    const reader = new ScanItems(inputs, { stdin, defaultNamespace: namespace, render: { binaries, env, signal } })
    const fail = async (error: GateError): Promise<void> => {
      const failure = setError(error)
      set.addError(failure)
      progress.clear()
      await write(stderr, `lockkeeper: ${errorText(failure)}\n`)
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
        const { decision } = judged
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

function nothingFound(paths: readonly string[], skipped: number): GateError {
  const beside = skipped === 0 ? '' : ` (${skipped} files without Kubernetes objects were skipped)`
  return new GateError('MANIFEST_NONE', `no manifest was found in ${paths.join(', ')}${beside}`)
}

function exitCodeOf(
  set: Pick<ReturnType<ReturnType<typeof createSetBuilder>['finish']>, 'action' | 'summary'>,
  failOnWarn: boolean,
) {
  if (set.summary.errors > 0) return EXIT.failed
  if (set.action === 'deny') return EXIT.denied
  return set.action === 'warn' && failOnWarn ? EXIT.warned : EXIT.allowed
}
