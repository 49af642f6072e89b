import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { CliEnvironment } from '../../../../src/cli/environment.js'
import { createProgram } from '../../../../src/cli/program.js'
import { runScore, type ScoreOptions } from '../../../../src/cli/score.js'
import type { Anomaly, Risk } from '../../../../src/decision-types.js'
import { GateError } from '../../../../src/errors.js'
import { createGate, parseBundle } from '../../../../src/gate.js'
import { createPool, type ReviewPool } from '../../../../src/io/pool.js'
import type { Counterfactual } from '../../../../src/risk/counterfactual.js'
import type { BundleFiles } from '../../../../src/policy/bundle.js'
import { fixtureBundle } from '../../../helpers/bundles.js'
import { modelFiles } from '../../../helpers/models.js'
import { ROOT } from '../../../helpers/repository.js'

t.setTimeout(120_000)

const manifest = (kind: string, name: string): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\nspec: {}\n`
const PRIVILEGED = '{ containers: [{ name: a, image: "nginx:1", securityContext: { privileged: true } }] }'

interface Answer {
  readonly code: number | GateError
  readonly stdout: string
  readonly stderr: string
}

async function withEnvironment(
  use: (environment: CliEnvironment) => Promise<number>,
  pool: CliEnvironment['createPool'],
  stdin = '',
): Promise<Answer> {
  let [stdout, stderr] = ['', '']
  const code = await use({
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: { write: text => ((stdout += text), true), once: () => undefined },
    stderr: { write: text => ((stderr += text), true), once: () => undefined },
    env: {},
    now: new Date('2026-06-04T08:00:00Z'),
    signal: new AbortController().signal,
    createPool: pool,
  }).catch((error: unknown) => {
    if (error instanceof GateError) return error
    throw error
  })
  return { code, stdout, stderr }
}

const BUNDLE = join(ROOT, 'test/fixtures/bundles/mixed/bundle')
const OPTIONS: ScoreOptions = {
  paths: ['-'],
  format: 'text',
  namespace: 'shop',
  insecureUnsigned: true,
  verbose: false,
  quiet: false,
}

async function withModel(): Promise<BundleFiles> {
  return new Map([...(await fixtureBundle('mixed')), ...modelFiles()])
}

/** What the model is to say of objects, by their names; null: its score is unusable. */
type Said = Readonly<Record<string, Pick<Risk, 'score' | 'band' | 'contributions'> | null>>
const ANOMALY: Anomaly = { of: 'object', score: 0.6 }
const MODEL = { digest: 'sha256:ab', version: '1.2.3' }

/** A pool that judges here, with a model that says what it is told to. */
function saying(said: Said): CliEnvironment['createPool'] {
  return async () => {
    const bundle = parseBundle(await withModel(), { allowUnsigned: true })
    const gate = await createGate(bundle, {
      riskModel: {
        assess({ name = '' }) {
          const told = said[name] ?? null
          if (told === null) throw new Error('no score')
          const risk: Risk = { ...told, kind: 'object', threshold: 0.4, pValue: 0.01, model: MODEL }
          return { risk, anomaly: ANOMALY, isCold: false }
        },
      },
    })
    const pool: ReviewPool = {
      bundle,
      workers: 2,
      review: (request, context) => gate.review(request, context),
      reviewChanges: () => Promise.reject(new Error('no set is judged')),
      close: () => Promise.resolve(),
    }
    return pool
  }
}

/** `lockkeeper score` of what comes by stdin. */
function score(said: Said, stdin: readonly string[], options: Partial<ScoreOptions> = {}): Promise<Answer> {
  return withEnvironment(
    environment => runScore({ ...OPTIONS, bundle: BUNDLE, ...options }, environment),
    saying(said),
    stdin.join('---\n'),
  )
}

const contribution = {
  feature: 'pod.host_pid',
  value: 1,
  contribution: 2,
  paths: ['/spec/hostPID'],
  text: 'hostPID is true',
}
const SAID: Said = {
  quiet: { score: 0.1, band: 'low', contributions: [contribution] },
  loud: { score: 0.9, band: 'high', contributions: [contribution] },
  middling: { score: 0.5, band: 'elevated', contributions: [] },
  level: { score: 0.5, band: 'elevated', contributions: [] },
}
const loud = `0.900  high      Pod shop/loud  stdin:13
       +0.20  ▒▒                        everything else
       +2.00    ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  hostPID is true
       +2.20  ████████████████████████  score 0.900
`
const middle = (name: string, line: number): string => `0.500  elevated  Pod shop/${name}  stdin:${line}\n`
const ALL = ['quiet', 'middling', 'loud', 'level'].map(name => manifest('Pod', name))

t.test('the highest score comes first, equal ones as they were read, and what is not low is drawn', async t => {
  t.strictSame(await score(SAID, ALL), {
    code: 0,
    stdout: `${loud}${middle('middling', 7)}${middle('level', 19)}0.100  low       Pod shop/quiet  stdin:1
4 objects scored: 1 high, 2 elevated, 1 low (model 1.2.3)
`,
    stderr: '',
  })
})

t.test('a low score is drawn where that is asked for, and nothing is said where that is', async t => {
  const { stdout } = await score(SAID, ALL.slice(0, 1), { verbose: true })
  t.equal(
    stdout,
    `0.100  low       Pod shop/quiet  stdin:1
       −4.20  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  everything else
       +2.00  ▒▒▒▒▒▒▒▒▒▒▒               hostPID is true
       −2.20             █████████████  score 0.100
1 object scored: 1 low (model 1.2.3)
`,
  )
  t.strictSame(await score(SAID, ALL, { quiet: true }), { code: 0, stdout: '', stderr: '' })
})

t.test('what has no score comes last and is exit code 2', async t => {
  t.strictSame(await score(SAID, [manifest('Pod', 'unknown'), ...ALL.slice(0, 1)]), {
    code: 2,
    stdout: `0.100  low       Pod shop/quiet  stdin:7
    —  no score  Pod shop/unknown  stdin:1  the risk score of this object was unusable: policies alone decided
2 objects scored: 1 low, 1 without a score (model 1.2.3)
`,
    stderr: '',
  })
})

t.test('what cannot be read is said, and the others are scored', async t => {
  const broken = await score(SAID, ['a: [', ...ALL.slice(0, 1)])
  t.equal(broken.code, 2)
  t.match(broken.stderr, /^lockkeeper: stdin.*\(MANIFEST_SYNTAX\)\n$/)
  const missing = await score(SAID, ALL.slice(0, 1), { paths: ['-', '/nowhere'] })
  t.strictSame([missing.code, missing.stdout.split('\n').length], [2, 3])
  t.match(missing.stderr, /^lockkeeper: \/nowhere.*\(FILE_UNREADABLE\)\n$/)
  const nothing = await score(SAID, [''])
  t.strictSame([nothing.code, nothing.stdout], [2, ''])
  t.match(nothing.stderr, /MANIFEST_NONE/)
})

t.test('as JSON it is one value with all that the model says', async t => {
  const { code, stdout } = await score(SAID, [...ALL.slice(0, 1), 'a: ['], { format: 'json', quiet: true })
  const { bundle, ...rest } = JSON.parse(stdout) as Record<string, unknown>
  t.equal(code, 2)
  t.strictSame(Object.keys(bundle as object), ['digest', 'revision'])
  t.match(rest, { errors: [{ code: 'MANIFEST_SYNTAX' }] })
  t.strictSame(rest.scores, [
    {
      resource: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'quiet', file: 'stdin', line: 1 },
      risk: { ...SAID.quiet, kind: 'object', threshold: 0.4, pValue: 0.01, model: MODEL },
      anomaly: ANOMALY,
      counterfactual: null,
      problem: null,
    },
  ])
})

t.test('a bundle without a model cannot score', async t => {
  const answer = await withEnvironment(
    environment => runScore({ ...OPTIONS, bundle: BUNDLE }, environment),
    options => createPool({ ...options, workers: 1 }),
    ALL.join('---\n'),
  )
  t.match(answer, { code: { code: 'USAGE', message: `the bundle ${BUNDLE} has no risk model` }, stdout: '' })
})

t.test('the program scores with the models of a bundle', async t => {
  const bundle = t.testdir()
  for (const [path, bytes] of await withModel()) {
    mkdirSync(dirname(join(bundle, path)), { recursive: true })
    writeFileSync(join(bundle, path), bytes)
  }
  const answer = await withEnvironment(
    async environment => {
      const program = createProgram(environment, '0.0.0')
      const args = ['score', '--bundle', bundle, '--insecure-unsigned', '--workers', '1', '--format', 'json', '-']
      await program.command.parseAsync(args, { from: 'user' })
      return program.exitCode
    },
    createPool,
    [manifest('Pod', 'plain'), manifest('Pod', 'privileged').replace('{}', PRIVILEGED)].join('---\n'),
  )
  interface Scored {
    readonly resource: { readonly name: string }
    readonly risk: Risk
    readonly counterfactual: Counterfactual | null
  }
  const { scores } = JSON.parse(answer.stdout) as { scores: Scored[] }
  const harmless = {
    patch: [{ op: 'replace', path: '/spec/containers/0/securityContext/privileged', value: false }],
    score: scores[1]?.risk.score,
    threshold: scores[0]?.risk.threshold,
  }
  t.strictSame(
    scores.map(({ resource, risk, counterfactual }) => [
      resource.name,
      risk.score.toFixed(4),
      risk.band,
      counterfactual,
    ]),
    [
      ['privileged', '0.9526', 'high', harmless],
      ['plain', '0.0180', 'low', null],
    ],
  )
  t.equal(answer.code, 0)
})

t.test('what makes a score low is said below it', async t => {
  const { stdout } = await score(SAID, [manifest('Pod', 'loud').replace('{}', PRIVILEGED)])
  t.equal(
    stdout,
    `${loud.replace('stdin:13', 'stdin:1')}       would be low (0.018, under 0.400) with: replace /spec/containers/0/securityContext/privileged = false
1 object scored: 1 high (model 1.2.3)
`,
  )
})
