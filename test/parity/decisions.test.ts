import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { canonicalObject } from '../../src/canonical.js'
import type { Decision, SetDecision, SetViolation } from '../../src/decision-types.js'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { stringifyJson, type Json } from '../../src/json.js'
import type { KubeObject, Manifest } from '../../src/manifest.js'
import { buildRequest } from '../../src/request.js'
import { lockkeeper } from '../helpers/command.js'
import { contextOf } from '../helpers/requests.js'
import { ROOT } from '../helpers/repository.js'
import {
  changesSamples,
  requestSamples,
  samples,
  type ChangesSample,
  type RequestSample,
  type Sample,
  type SampleFile,
} from '../helpers/samples.js'

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

/** A request is judged as it is; only doors that take requests can say the same of it. */
function referenceOf({ request, namespace, related }: RequestSample): Promise<Decision> {
  return gate.review(request, contextOf({ now: NOW, namespace, related }))
}

function setViolationsOf({ changes }: ChangesSample): readonly SetViolation[] {
  return gate.reviewChanges(changes, contextOf({ now: NOW, namespace: null }))
}

/** The model's own word, which another training changes: it is compared between doors, not reviewed in Git. */
const RISK_POLICY = 'risk_threshold'

/** What a person reviews in Git: the verdict and what was found, without digests. */
function expectation(decisions: readonly Decision[]): string {
  const summary = decisions.map(({ resource, actions, violations }) => ({
    resource: [resource.kind, resource.namespace, resource.name].filter(each => each !== undefined).join('/'),
    actions: [...new Set(Object.values(actions))].length === 1 ? actions.webhook : actions,
    violations: violations
      .filter(({ policy }) => policy !== RISK_POLICY)
      .map(({ policy, enforcementAction, path, message, remedy }) => ({
        policy,
        enforcementAction,
        path,
        message,
        ...(remedy?.patch ? { patch: remedy.patch } : {}),
      })),
  }))
  return `${JSON.stringify(summary, null, 2)}\n`
}

/** The same of a set: which objects each violation is about. */
function setExpectation(violations: readonly SetViolation[]): string {
  const summary = violations.map(({ policy, enforcementAction, path, message, objects }) => ({
    policy,
    enforcementAction,
    path,
    message,
    objects: objects.map(({ kind, namespace, name }) =>
      [kind, namespace, name].filter(each => each !== undefined).join('/'),
    ),
  }))
  return `${JSON.stringify(summary, null, 2)}\n`
}

/** The expected text of a sample; with LOCKKEEPER_UPDATE=1 what was found is written first. */
function expected({ policy, name }: SampleFile, found: string): string {
  const file = join(ROOT, 'test/parity/expected', policy, name.replace(/\.yaml$/, '.json'))
  if (isUpdate) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, found)
  }
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** Each door, for samples that it is given at once. */
const doors: Record<string, (samples: readonly Sample[]) => readonly Decision[]> = {
  'the command line, by path': all => scan(all.map(each => each.path)),
  'the command line, by standard input': all => scan(['-'], all.map(each => each.text).join('\n---\n')),
}

/**
 * The samples as they are given to a door. What would change another's answer comes apart: a Namespace lends its labels
 * to what is in it, and of two manifests for one object only the last is judged.
 */
function runs(): readonly (readonly Sample[])[] {
  const found: { readonly samples: Sample[]; readonly taken: Set<string> }[] = []
  for (const sample of samples()) {
    const places = sample.manifests.map(placeOf)
    let run = found.find(({ taken }) => !places.some(({ apartFrom }) => apartFrom.some(each => taken.has(each))))
    if (run === undefined) found.push((run = { samples: [], taken: new Set() }))
    run.samples.push(sample)
    for (const { takes } of places) for (const each of takes) run.taken.add(each)
  }
  return found.map(each => each.samples)
}

/** What an object takes in a run, and what must not be taken by another sample. */
function placeOf({ object }: Manifest): { readonly takes: readonly string[]; readonly apartFrom: readonly string[] } {
  const { namespace = 'default', name = null } = object.metadata
  if (object.kind === 'Namespace') {
    const labels = `labels of ${stringifyJson(name)}`
    return { takes: [labels], apartFrom: [labels, `inside ${stringifyJson(name)}`] }
  }
  const key = stringifyJson([object.kind, namespace, name])
  return {
    takes: [key, `inside ${stringifyJson(namespace)}`],
    apartFrom: [key, `labels of ${stringifyJson(namespace)}`],
  }
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
    const found = expectation(await reference(sample))
    t.equal(found, expected(sample, found), sample.path)
  }
  for (const sample of requestSamples()) {
    const found = expectation([await referenceOf(sample)])
    t.equal(found, expected(sample, found), sample.path)
  }
  for (const sample of changesSamples()) {
    const found = setExpectation(setViolationsOf(sample))
    t.equal(found, expected(sample, found), sample.path)
  }
})

t.test('a sample is named for what its policy says', async t => {
  for (const sample of samples()) {
    const { risk } = sample
    const model = risk === null ? {} : { riskModel: { assess: () => ({ risk, anomaly: null, isCold: false }) } }
    const judging = sample.risk === null ? gate : await createGate(bundle, model)
    const found: string[] = []
    for (const { object } of sample.manifests) {
      const request = buildRequest({
        object,
        base: null,
        userInfo: bundle.config.prediction.userInfo,
        namespace: 'default',
      })
      const { violations } = await judging.review(request, contextOf({ related: sample.related }))
      found.push(...violations.map(each => each.policy))
    }
    t.equal(found.includes(sample.policy), sample.isDenied, `${sample.path}: ${found.join(', ')}`)
  }
  for (const sample of requestSamples()) {
    const found = (await referenceOf(sample)).violations.map(each => each.policy)
    t.equal(found.includes(sample.policy), sample.isDenied, `${sample.path}: ${found.join(', ')}`)
  }
  for (const sample of changesSamples()) {
    const found = setViolationsOf(sample).map(each => each.policy)
    t.equal(found.includes(sample.policy), sample.isDenied, `${sample.path}: ${found.join(', ')}`)
  }
})

t.test('the canonical form of a sample has the same answer', async t => {
  const answer = ({ actions, violations }: Decision) =>
    stringifyJson([actions, violations.map(each => [each.policy, each.enforcementAction, each.message])] as Json)
  for (const sample of samples()) {
    const written = (await reference(sample)).map(answer)
    const canonical = sample.manifests.map(each => ({ ...each, object: canonicalObject(each.object) as KubeObject }))
    const found = (await reference({ ...sample, manifests: canonical })).map(answer)
    t.strictSame(found, written, sample.path)
  }
})

for (const [door, decide] of Object.entries(doors)) {
  t.test(`${door}, says the same`, async t => {
    for (const run of runs()) {
      const decisions = decide(run).map(common)
      for (const sample of run) {
        const wanted = (await reference(sample)).map(common)
        t.strictSame(decisions.splice(0, wanted.length), wanted, sample.path)
      }
      t.strictSame(decisions, [], 'nothing else is judged')
    }
  })
}
