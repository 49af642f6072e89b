import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contextTime } from '../../src/context.js'
import { GateError, thrownText } from '../../src/errors.js'
import { problemsText, type Problem } from '../../src/fields.js'
import type { detectTool } from '../../src/io/render/detect.js'
import type { renderSource } from '../../src/io/render/render.js'
import type { Rendered } from '../../src/io/render/rendering.js'
import { setError } from '../../src/set-decision.js'
import { tightened, type GenerateConfiguration } from './configuration.js'
import { errorsText } from './denial.js'
import { readApplicationEnvironment, type ApplicationEnvironment } from './environment.js'
import type { Answer } from './judge-messages.js'
import type { Judge } from './judge-worker.js'
import { readParameters, renderSourceOf } from './parameters.js'
import { findPlace, workDirectoryOf } from './place.js'
import { redactLikely } from '../../src/redaction.js'
import { takeSlot } from './slots.js'
import { cancelledError, Steps, type OnStep } from './steps.js'

type Env = Readonly<Record<string, string | undefined>>

/** One call of argocd-cmp-server. */
export interface GenerateRequest {
  /** The directory of the source, in a copy of its repository. */
  readonly directory: string
  /** What repo-server says of the Application, and the environment of the process. */
  readonly env: Env
  readonly now: Date
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** What a render is made with. */
export interface GenerateParts {
  readonly configuration: GenerateConfiguration
  readonly render: typeof renderSource
  readonly detect: typeof detectTool
  readonly judge: Pick<Judge, 'judge' | 'doing'>
  /** Where tools are found, and what else they need of their environment. */
  readonly toolEnv: Env
  /** Refuses directories outside of the work directory. */
  readonly isBound: boolean
  /** The name of its last step is null: the judge knows it. */
  readonly onStep?: OnStep
  /** Calls back after so many milliseconds. @returns ends that */
  readonly startTimer: (milliseconds: number, call: () => void) => () => void
}

/** Somebody asked for the end, or the time is over. */
class Stopped extends Error {
  readonly isTimeout: boolean
  constructor(isTimeout: boolean) {
    super(isTimeout ? 'the time is over' : 'it was cancelled')
    this.isTimeout = isTimeout
  }
}

/** Renders and judges a source; whatever goes wrong is an answer with exit code 2, and nothing on stdout. */
export async function generate(request: GenerateRequest, parts: GenerateParts): Promise<Answer> {
  const clock = new Steps(parts.onStep)
  const stop = new AbortController()
  const cancel = (): void => {
    stop.abort(new Stopped(false))
  }
  if (request.signal.aborted) cancel()
  request.signal.addEventListener('abort', cancel, { once: true })
  let timeoutMs = parts.configuration.limits.timeoutMs
  let endTimer = (): void => undefined
  const limit = (milliseconds: number): void => {
    endTimer()
    timeoutMs = milliseconds
    endTimer = parts.startTimer(milliseconds, () => {
      stop.abort(new Stopped(true))
    })
  }
  limit(timeoutMs)
  try {
    return await run(request, parts, { clock, signal: stop.signal, limit })
  } catch (thrown) {
    const error = stop.signal.aborted ? stoppedError(stop.signal.reason, clock, timeoutMs) : asGateError(thrown)
    return failure(error)
  } finally {
    endTimer()
    request.signal.removeEventListener('abort', cancel)
  }
}

interface Course {
  readonly clock: Steps
  readonly signal: AbortSignal
  readonly limit: (milliseconds: number) => void
}

async function run(request: GenerateRequest, parts: GenerateParts, { clock, signal, limit }: Course): Promise<Answer> {
  const { directory, env, now } = request
  clock.step('reading the environment')
  const problems: Problem[] = []
  const application = readApplicationEnvironment(env, problems)
  const parameters = readParameters(application.parameters, problems)
  const configuration = tightened(parts.configuration, application.tightening, problems)
  if (configuration.limits.timeoutMs < parts.configuration.limits.timeoutMs) limit(configuration.limits.timeoutMs)
  const place = await findPlace(directory, {
    workDirectory: configuration.workDirectory ?? workDirectoryOf(env),
    sourcePath: application.sourcePath,
    isBound: parts.isBound,
  })
  const source = renderSourceOf(
    parameters,
    application,
    await parts.detect(place.directory),
    { commands: configuration.renderers, kustomizeBuildOptions: configuration.kustomizeBuildOptions },
    problems,
  )
  refuse(problems)

  clock.step('waiting for other renders', 'GATE_OVERLOADED')
  const { limits } = configuration
  const slot = await takeSlot({
    directory: limits.slotsDirectory ?? join(tmpdir(), 'lockkeeper-slots'),
    slots: limits.concurrency,
    signal,
  })
  try {
    clock.step(`rendering with ${source.tool === 'command' ? (source.command[0] ?? '') : source.tool}`)
    const rendered: readonly Rendered[] = await parts.render(source, place, {
      binaries: configuration.binaries,
      env: toolEnvironment(parts.toolEnv, env),
      buildEnvironment: application.buildEnvironment,
      maxBytes: limits.maxRenderedBytes,
      // Its own time-out would say less than ours.
      timeoutMs: limits.timeoutMs + 1_000,
      signal,
    })
    signal.throwIfAborted()
    clock.step(() => parts.judge.doing)
    const { application: app, project, destinationNamespace, revision } = application
    return await parts.judge.judge(
      {
        rendered,
        subject: { application: app.qualifiedName, project, destinationNamespace },
        revision,
        now: contextTime(now),
        failOnWarn: configuration.failOnWarn,
        seeAll: seeAll(application),
      },
      signal,
    )
  } finally {
    await slot.release()
  }
}

function stoppedError(reason: unknown, clock: Steps, timeoutMs: number): GateError {
  return reason instanceof Stopped && reason.isTimeout ? clock.timeoutError(timeoutMs) : cancelledError()
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  throw new GateError('CONFIG_INVALID', `the Application's plugin settings have mistakes:\n${problemsText(problems)}`)
}

function asGateError(thrown: unknown): GateError {
  if (thrown instanceof GateError) return thrown
  return new GateError('INTERNAL', `a defect in lockkeeper itself: ${thrownText(thrown)}`, { cause: thrown })
}

/** An error as the answer of exit code 2; each line of its message is one of its own. */
export function failure(error: GateError): Answer {
  const { code, message, ...rest } = setError(error)
  const [first = '', ...lines] = message.split('\n')
  const errors = [{ code, message: first, ...rest }]
  const more = lines.filter(line => line.trim() !== '')
  const text = errorsText(errors, { seeAll: "argocd-cmp-server's log", redact: redactLikely, details: more })
  return { exitCode: 2, stdout: '', stderr: text }
}

/** Everything that was found, as a person can see it. */
function seeAll({ sourcePath, revision }: ApplicationEnvironment): string {
  const path = /^[\w./-]+$/.test(sourcePath) ? sourcePath : '.'
  return `lockkeeper scan ${path}${revision === '' ? '' : ` (at ${revision.slice(0, 8)})`}`
}

/** What tools get of the process' own environment: where they find programs, caches and proxies, and nothing secret by accident. */
const TOOL_NAMES =
  /^(PATH|HOME|TMPDIR|LANG|LC_ALL|TZ|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy|(HELM|XDG|GIT|KUSTOMIZE)_[A-Z0-9_]+)$/
/** What tools get of what repo-server says. */
const APPLICATION_NAMES = /^(ARGOCD_APP_[A-Z0-9_]+|ARGOCD_ENV_.+|PARAM_.+|KUBE_VERSION|KUBE_API_VERSIONS)$/

function toolEnvironment(own: Env, application: Env): Env {
  return {
    ...Object.fromEntries(Object.entries(own).filter(([name]) => TOOL_NAMES.test(name))),
    ...Object.fromEntries(Object.entries(application).filter(([name]) => APPLICATION_NAMES.test(name))),
  }
}
