import { join, normalize } from 'node:path'
import { compareStates } from '../applications.js'
import type { ChangeSet, ChangeSetItem } from '../change-set.js'
import { bareContext, contextTime, PREDICTED } from '../context.js'
import type { Decision, SetDecision } from '../decision-types.js'
import { GateError } from '../errors.js'
import { withBaseTree } from '../io/git/base-tree.js'
import { findBase, openRepository, type Base, type Repository } from '../io/git/repository.js'
import { trackedLinksOut } from '../io/git/tracked-links.js'
import type { ReviewPool } from '../io/pool.js'
import { diffHeadText, gainsText, type ChangedObject } from '../report/diff.js'
import { grantLines } from '../report/grants.js'
import type { ViolationLines } from '../report/report.js'
import { errorText } from '../report/text.js'
import { reviewSetWith } from '../review-set.js'
import { createSetBuilder, setError } from '../set-decision.js'
import { paintFor } from './colors.js'
import { isReadable, readState, type State } from './diff-states.js'
import { write, type CliEnvironment } from './environment.js'
import { htmlPage } from './html-page.js'
import { exitCodeOf, judgeWith, nothingFound, renderOptions, writeError, type JudgingOptions } from './judging.js'
import { createScanReport, ViolationLocator } from './scan-report.js'

/** `lockkeeper diff` as it was asked for; its paths are files and directories of one Git repository. */
export interface DiffOptions extends JudgingOptions {
  /** A revision of Git. */
  readonly base: string
  /** Compares with where the current commit has left the revision, as pull requests are shown; else with the revision itself. */
  readonly mergeBase: boolean
}

/**
 * Judges what the working tree would change, and reports it.
 *
 * @returns the exit code
 * @throws GateError when nothing can be judged: no repository, no such revision, no bundle
 */
export async function runDiff(options: DiffOptions, environment: CliEnvironment): Promise<number> {
  if (options.paths.includes('-')) {
    throw new GateError('USAGE', 'what comes by stdin is in no Git repository: name files and directories')
  }
  const repository = await openRepository(options.paths, environment)
  const base = await findBase(repository, options.base, options.mergeBase)
  return judgeWith(options, environment, async pool => {
    const states = await readStates(options, environment, repository, base)
    return judgeStates(options, environment, pool, states)
  })
}

interface States {
  /** What was compared with, in words. */
  readonly name: string
  readonly before: State
  readonly after: State
}

async function readStates(
  options: DiffOptions,
  environment: CliEnvironment,
  repository: Repository,
  { commit, name }: Base,
): Promise<States> {
  const read = { defaultNamespace: options.namespace, render: renderOptions(options, environment) }
  const paths = options.paths.map(path => normalize(path))
  const after = await readState(
    paths.map(path => ({ shown: path, path })),
    read,
  )
  const before = await withBaseTree(repository, commit, async ({ directory, refusedLinks }) => {
    const state = await readState(
      paths.map((path, index) => ({ shown: path, path: join(directory, repository.paths[index] ?? '') })),
      read,
    )
    return { ...state, errors: [...state.errors, ...refusedLinks.map(linkOut)] }
  })
  const missing = paths.find(path => ![...before.found, ...after.found].includes(path))
  if (missing !== undefined) {
    throw new GateError('FILE_UNREADABLE', `${missing}: is neither in the working tree nor at ${name}`)
  }
  const links = (await trackedLinksOut(repository)).map(linkOut)
  return { name: `${name} (${commit.slice(0, 12)})`, before, after: { ...after, errors: [...links, ...after.errors] } }
}

function linkOut(file: string): GateError {
  return new GateError('RENDER_FAILED', `${file}: is a symbolic link out of the tree`, { position: { file } })
}

async function judgeStates(
  options: DiffOptions,
  environment: CliEnvironment,
  pool: ReviewPool,
  { name, before, after }: States,
): Promise<{ readonly text: string; readonly exitCode: number }> {
  const { paths, format, verbose, quiet, color, namespace, failOnWarn, version } = options
  const now = contextTime(options.now ?? environment.now)
  const { config, namespaces, reference, cards } = pool.bundle
  // An error of the earlier state keeps nobody from mending it: what cannot be read there is judged as new.
  if (!quiet) {
    for (const error of before.errors) {
      const note = `lockkeeper: note: what cannot be read at ${name} is judged as new: ${errorText(setError(error))}`
      await write(environment.stderr, `${note}\n`)
    }
  }
  const changeSets = compareStates(
    { before: before.objects, after: after.objects, isGone: object => isReadable(object, after) },
    { bundle: { config, namespaces }, userInfo: config.prediction.userInfo, namespace, now, gate: 'cli' },
  )
  const set = createSetBuilder(reference, 'cli')
  const errors = [...after.errors]
  if (before.objects.length + after.objects.length + errors.length === 0) {
    errors.push(nothingFound(paths, after.skipped))
  }
  for (const error of errors) set.addError(setError(error))
  for (const violation of after.duplicates) set.addViolation(violation)
  const judged: { readonly item: ChangeSetItem; readonly decision: Decision }[] = []
  const failures = errors.map(setError)
  for (const changes of changeSets) {
    environment.signal.throwIfAborted()
    const { decided, decision } = await judgeChanges(changes, pool, now)
    judged.push(...decided)
    for (const each of decision.decisions) set.add(each)
    for (const each of decision.violations) set.addViolation(each)
    for (const each of decision.errors) {
      set.addError(each)
      failures.push(each)
    }
  }
  for (const failure of failures) await writeError(environment, failure)
  const finished = set.finish()
  const paint = paintFor(environment.stdout, color, environment)
  const bundleName = options.bundle ?? 'built-in'
  const report = await createScanReport(format, { paint, verbose, quiet, bundleName, cards, version, now })
  const title = `${paths.join(', ')} against ${name}`
  const page = await htmlPage(options.report, { gate: 'cli', title, bundleName, version, now })
  for (const { item, decision } of judged) page?.add(decision, item.request)
  await page?.write(finished, after.skipped)
  const locator = new ViolationLocator()
  const isText = format === 'text'
  const body = (isText ? worstFirst(judged) : judged).map(({ item: { manifest }, decision }) =>
    report.decision(decision, () =>
      manifest !== null && after.hasLines(manifest) ? locator.lines(manifest, decision) : NO_LINES,
    ),
  )
  const objects = judged.map(({ item, decision }): ChangedObject => ({ change: changeOf(item, decision), decision }))
  const head = { base: name, action: finished.action, hasErrors: finished.errors.length > 0, objects }
  const isShown = isText && !quiet
  const text = [
    isShown ? diffHeadText(head, paint, verbose) : '',
    ...body,
    report.end(finished, after.skipped),
    isShown ? gainsText(grantLines(changeSets.flatMap(each => each.grants)), paint) : '',
  ]
  return { text: text.join(''), exitCode: exitCodeOf(finished, failOnWarn) }
}

const NO_LINES: ViolationLines = new Map()

/** Judges one application's changes as its gate would, and keeps which request each Decision is about. */
async function judgeChanges({ items, errors, violations }: ChangeSet, pool: ReviewPool, now: string) {
  const context = bareContext({ gate: 'cli', now, namespace: null, provenance: PREDICTED })
  const byRequest = new Map<string, Decision>()
  const decision: SetDecision = await reviewSetWith(
    {
      bundle: pool.bundle.reference,
      atOnce: pool.workers * 2,
      review: async (request, each) => {
        const decided = await pool.review(request, each)
        byRequest.set(request.uid, decided)
        return decided
      },
      reviewChanges: (changes, each) => pool.reviewChanges(changes, each),
    },
    items,
    context,
    { errors, violations },
  )
  const decided = items.flatMap(item => {
    const own = byRequest.get(item.request.uid)
    return own === undefined ? [] : [{ item, decision: { ...own, resource: { ...own.resource, ...item.place } } }]
  })
  return { decided, decision }
}

function changeOf({ request: { operation } }: ChangeSetItem, { unchanged }: Decision): ChangedObject['change'] {
  if (operation === 'DELETE') return 'deleted'
  if (operation === 'CREATE') return 'created'
  return unchanged ? 'unchanged' : 'updated'
}

const ORDER = { deny: 0, warn: 1, allow: 2 } as const

function worstFirst<T extends { readonly decision: Decision }>(judged: readonly T[]): readonly T[] {
  return [...judged].sort((a, b) => ORDER[a.decision.action] - ORDER[b.decision.action])
}
