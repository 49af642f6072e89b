import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Decision, SetDecision } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { stringifyJson, type Json } from '../../src/json.js'
import { buildRequest } from '../../src/request.js'
import { lockkeeper } from '../helpers/command.js'
import { contextOf } from '../helpers/requests.js'
import { ROOT } from '../helpers/repository.js'
import { samples, type Sample } from '../helpers/samples.js'

const NOW = '2026-06-01T12:00:00Z'
/** LOCKKEEPER_UPDATE=1 writes the expected files anew; what changed is then seen in the diff. */
const isUpdate = process.env.LOCKKEEPER_UPDATE === '1'

const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
const gate = await createGate(bundle)

/** What every door must say of a sample, but for the door's own name, its own verdict and the place in a file. */
function common({ gate: _gate, action: _action, allowed: _allowed, resource, ...decision }: Decision): string {
  const { file: _file, line: _line, ...reference } = resource
  return stringifyJson({ ...decision, resource: reference } as unknown as Json)
}

async function reference({ manifests }: Sample): Promise<readonly Decision[]> {
  const namespaces = new Map(
    manifests
      .filter(each => each.object.kind === 'Namespace')
      .map(each => [each.object.metadata.name, each.object.metadata]),
  )
  return Promise.all(
    manifests.map(({ object }) => {
      const { userInfo } = bundle.config.prediction
      const request = buildRequest({ object, base: null, userInfo, namespace: 'default' })
      const labels = namespaces.get(request.namespace ?? '')?.labels
      const namespace =
        request.namespace === undefined
          ? null
          : labels === undefined
            ? 'unknown'
            : { labels: labels as Record<string, string>, annotations: {} }
      return gate.review(request, contextOf({ now: NOW, namespace }))
    }),
  )
}

/** What a person reviews in Git: the verdict and what was found, without digests. */
function expectation(decisions: readonly Decision[]): string {
  const summary = decisions.map(({ resource, actions, violations }) => ({
    resource: [resource.kind, resource.namespace, resource.name].filter(each => each !== undefined).join('/'),
    actions: [...new Set(Object.values(actions))].length === 1 ? actions.webhook : actions,
    violations: violations.map(({ policy, enforcementAction, path, message, remedy }) => ({
      policy,
      enforcementAction,
      path,
      message,
      ...(remedy?.patch ? { patch: remedy.patch } : {}),
    })),
  }))
  return `${JSON.stringify(summary, null, 2)}\n`
}

const doors: Record<string, (sample: Sample) => readonly Decision[]> = {
  'the command line, by path': ({ path }) => scan([path]),
  'the command line, by standard input': ({ text }) => scan(['-'], text),
}

function scan(args: string[], input = ''): readonly Decision[] {
  const { stdout, stderr } = lockkeeper(['scan', '--format', 'json', '--workers', '1', '--now', NOW, ...args], {
    input,
  })
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as SetDecision).decisions
}

t.test('every sample has one Decision', async t => {
  for (const sample of samples()) {
    const decisions = await reference(sample)
    const file = join(ROOT, 'test/parity/expected', sample.policy, sample.name.replace(/\.yaml$/, '.json'))
    if (isUpdate) {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, expectation(decisions))
    }
    t.equal(expectation(decisions), existsSync(file) ? readFileSync(file, 'utf8') : '', sample.path)
  }
})

t.test('a sample is named for what its policy says', async t => {
  for (const sample of samples()) {
    const model = sample.risk === null ? {} : { riskModel: { score: () => sample.risk as NonNullable<Sample['risk']> } }
    const judging = sample.risk === null ? gate : await createGate(bundle, model)
    const found: string[] = []
    for (const { object } of sample.manifests) {
      const request = buildRequest({
        object,
        base: null,
        userInfo: bundle.config.prediction.userInfo,
        namespace: 'default',
      })
      const { violations } = await judging.review(request, contextOf())
      found.push(...violations.map(each => each.policy))
    }
    t.equal(found.includes(sample.policy), sample.isDenied, `${sample.path}: ${found.join(', ')}`)
  }
})

for (const [door, decide] of Object.entries(doors)) {
  t.test(`${door}, says the same`, async t => {
    for (const sample of samples()) {
      const wanted = (await reference(sample)).map(common)
      t.strictSame(decide(sample).map(common), wanted, sample.path)
    }
  })
}
