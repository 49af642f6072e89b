import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_CONFIGURATION } from '../../../../plugin/argocd/configuration.js'
import { generate, type GenerateParts } from '../../../../plugin/argocd/generate.js'
import type { Answer, JudgeTask } from '../../../../plugin/argocd/judge-messages.js'
import { GateError } from '../../../../src/errors.js'

const ALLOWED: Answer = { exitCode: 0, stdout: '{}\n', stderr: '' }
const ENV = {
  ARGOCD_APP_NAME: 'team_web',
  ARGOCD_APP_NAMESPACE: 'shop',
  ARGOCD_APP_PROJECT_NAME: 'p',
  ARGOCD_APP_REVISION: '0123456789abcdef',
  ARGOCD_APP_SOURCE_PATH: 'apps/web',
}

interface Fakes {
  readonly tasks: JudgeTask[]
  readonly rendered: Parameters<GenerateParts['render']>[]
  /** Ends the time of the render. */
  expire: () => void
  readonly timers: number[]
}

function setUp(t: { testdir(): string }, more: Partial<GenerateParts> = {}) {
  const root = realpathSync(t.testdir())
  const directory = join(root, 'work/copy/apps/web')
  mkdirSync(directory, { recursive: true })
  const fakes: Fakes = { tasks: [], rendered: [], expire: () => undefined, timers: [] }
  const limits = { ...DEFAULT_CONFIGURATION.limits, slotsDirectory: join(root, 'slots') }
  const parts: GenerateParts = {
    configuration: { ...DEFAULT_CONFIGURATION, limits, workDirectory: join(root, 'work') },
    detect: () => Promise.resolve('directory'),
    render: (...args) => {
      fakes.rendered.push(args)
      return Promise.resolve([{ file: 'a.yaml', text: 'x' }])
    },
    judge: {
      doing: 'judging (policy spin was running)',
      judge: task => {
        fakes.tasks.push(task)
        return Promise.resolve(ALLOWED)
      },
    },
    toolEnv: { PATH: '/bin', LOCKKEEPER_TOKEN: 'x', HELM_CACHE_HOME: '/c', AWS_SECRET_ACCESS_KEY: 'y' },
    isBound: false,
    startTimer: (milliseconds, call) => {
      fakes.timers.push(milliseconds)
      fakes.expire = call
      return () => undefined
    },
    ...more,
  }
  const stop = new AbortController()
  const run = (env: Record<string, string> = {}, at = directory) =>
    generate(
      { directory: at, env: { ...ENV, ...env }, now: new Date('2026-01-02T03:04:05.678Z'), signal: stop.signal },
      parts,
    )
  return { run, fakes, root, directory, stop }
}

t.test('renders in the copy of the repository and hands the texts on', async t => {
  const { run, fakes, root, directory } = setUp(t)
  t.strictSame(await run({ ARGOCD_ENV_TEAM: 'a', LOCKKEEPER_OTHER: 'b' }), ALLOWED)
  const [source, place, options] = fakes.rendered[0] ?? []
  t.strictSame(source, { tool: 'directory', recurse: false, include: '', exclude: '' })
  t.strictSame(place, { root: join(root, 'work/copy'), directory })
  t.strictSame(options?.env, { PATH: '/bin', HELM_CACHE_HOME: '/c', ...ENV, ARGOCD_ENV_TEAM: 'a' })
  t.strictSame(options?.buildEnvironment, ENV)
  t.strictSame(fakes.tasks, [
    {
      rendered: [{ file: 'a.yaml', text: 'x' }],
      subject: { application: 'team_web', project: 'p', destinationNamespace: 'shop' },
      revision: '0123456789abcdef',
      now: '2026-01-02T03:04:05Z',
      failOnWarn: false,
      seeAll: 'lockkeeper scan apps/web (at 01234567)',
    },
  ])
})

t.test('an Application may tighten', async t => {
  const { run, fakes } = setUp(t)
  await run({ ARGOCD_ENV_LOCKKEEPER_FAIL_ON_WARN: 'true', ARGOCD_ENV_LOCKKEEPER_TIMEOUT_SECONDS: '7' })
  t.equal(fakes.tasks[0]?.failOnWarn, true)
  t.strictSame(fakes.timers, [45_000, 7_000])
})

t.test('outside of the work directory the root is found by the path of the source', async t => {
  const { run, fakes, root } = setUp(t)
  const own = join(root, 'checkout/apps/web')
  mkdirSync(own, { recursive: true })
  await run({}, own)
  t.strictSame(fakes.rendered[0]?.[1], { root: join(root, 'checkout'), directory: own })
  await run({ ARGOCD_APP_SOURCE_PATH: '../x' }, own)
  t.strictSame(fakes.rendered[1]?.[1], { root: own, directory: own })
})

const failures: Record<string, { parts?: Partial<GenerateParts>; env?: Record<string, string>; stderr: string }> = {
  'mistakes of the Application, all of them': {
    env: { KUBE_VERSION: 'x', ARGOCD_APP_PARAMETERS: '[{"name":"nope"},{"name":"helm-values","string":"a"}]' },
    stderr: `could not judge: the Application's plugin settings have mistakes: (CONFIG_INVALID)
  KUBE_VERSION: must be a version such as 1.35.0, is "x"
  nope: is not known here
  helm-values: means something to helm only, and directory renders this directory
`,
  },
  'a tool that fails, with what it quotes of a secret': {
    parts: { render: () => Promise.reject(new GateError('RENDER_FAILED', 'apps/web: helm failed: password: hunter2')) },
    stderr: 'could not judge: apps/web: helm failed: password: [redacted] (RENDER_FAILED)\n',
  },
  'a defect': {
    parts: { detect: () => Promise.reject(new TypeError('x is not a function')) },
    stderr: 'could not judge: a defect in lockkeeper itself: x is not a function (INTERNAL)\n',
  },
}

for (const [name, { parts, env, stderr }] of Object.entries(failures)) {
  t.test(`could not judge: ${name}`, async t => {
    t.strictSame(await setUp(t, parts).run(env), { exitCode: 2, stdout: '', stderr })
  })
}

t.test('a scorer renders nothing outside of its work directory', async t => {
  const { run, fakes, root } = setUp(t, { isBound: true })
  const { exitCode, stderr } = await run({}, root)
  t.equal(exitCode, 2)
  t.match(stderr, /^could not judge: .*: is outside of the work directory .* \(RENDER_FAILED\)\n$/)
  t.strictSame(fakes.rendered, [])
})

/** Waits for the abort of its signal. */
function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
}

t.test('when the time is over the step that took it is named', async t => {
  const rendering = setUp(t, {
    render: (_source, _place, { signal }) => {
      rendering.fakes.expire()
      return signal?.aborted === true ? Promise.reject(signal.reason as Error) : untilAborted(signal)
    },
  })
  t.match(
    (await rendering.run()).stderr,
    /^could not judge: it was not done within 45 seconds: rendering with directory took \d+\.\d seconds \(GATE_DEADLINE\)\n$/,
  )
  const judging = setUp(t, {
    judge: {
      doing: 'judging (policy spin was running)',
      judge: (_task, signal) => {
        const ended = untilAborted(signal)
        judging.fakes.expire()
        return ended
      },
    },
  })
  const { exitCode, stdout, stderr } = await judging.run()
  t.strictSame([exitCode, stdout], [2, ''])
  t.match(stderr, /: judging \(policy spin was running\) took /)
})

t.test('a cancelled render ends what it has started', async t => {
  const { run, stop } = setUp(t, {
    render: (_source, _place, { signal }) => {
      const ended = untilAborted(signal)
      stop.abort()
      return ended
    },
  })
  const stderr = 'could not judge: it was cancelled before it was done (GATE_CLOSED)\n'
  t.strictSame(await run(), { exitCode: 2, stdout: '', stderr })
})
