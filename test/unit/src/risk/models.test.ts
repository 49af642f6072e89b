import t from 'tap'
import type { AdmissionRequest } from '../../../../src/admission.js'
import type { Context } from '../../../../src/decision-types.js'
import type { JsonObject } from '../../../../src/json.js'
import { CHANGE_COLUMNS } from '../../../../src/risk/change-input.js'
import { OBJECT_FEATURES } from '../../../../src/risk/features.js'
import type { Assessment } from '../../../../src/risk/model.js'
import { readModels } from '../../../../src/risk/models.js'
import { openModels } from '../../../../src/risk/trained-model.js'
import { asking, GROUPS, modelFiles, type TestModels } from '../../../helpers/models.js'
import { admissionRequest, contextOf, pod } from '../../../helpers/requests.js'

const columns = (table: readonly { readonly name: string }[]) => table.map(({ name }) => name)
const changed = (name: 'objects' | 'changes' | 'isolation', metadata: Record<string, unknown>): TestModels => ({
  [name]: { metadata },
})
const row = (change: Record<string, unknown>) =>
  Array.from({ length: 8 }, () => ({ values: {}, logit: -4, kind: 'Pod', score: 1 / (1 + Math.exp(4)), ...change }))

/** What a bundle's models may not be, and what is said then. */
const refused: Record<string, readonly [TestModels, RegExp]> = {
  'another schema': [
    changed('objects', { schema: 2 }),
    /^model\/objects\.onnx of the bundle cannot be used: schema: must not be 2$/,
  ],
  'one model in place of the other': [changed('changes', { kind: 'object' }), /kind: must be change, is "object"/],
  'other features': [changed('objects', { featureVersion: 0 }), /featureVersion: must be \d+, as the features/],
  'another grid': [changed('objects', { grid: 0.5 }), /grid: must not be 0\.5/],
  'features in another order': [
    changed('changes', { columns: columns(CHANGE_COLUMNS).reverse() }),
    /columns: must be the \d+ features of this version, in their order/,
  ],
  'fewer features': [changed('objects', { columns: columns(OBJECT_FEATURES).slice(1) }), /columns: must be the/],
  'no version': [changed('objects', { version: 1 }), /version: must be a string/],
  'a slope that turns the order': [
    changed('objects', { groups: { other: { ...GROUPS.other, slope: -1 } } }),
    /groups\.other\.slope: must not be -1/,
  ],
  'thresholds that cross': [
    changed('changes', { groups: { other: { ...GROUPS.other, warn: 3 } } }),
    /groups\.other\.warn: must not be above deny/,
  ],
  'numbers that do not rise': [
    changed('objects', { groups: { other: { ...GROUPS.other, benign: [1, 0] } } }),
    /groups\.other\.benign: must be numbers that rise/,
  ],
  'fewer harmless ones than there are numbers of': [
    changed('objects', { groups: { other: { ...GROUPS.other, benignCount: 2 } } }),
    /groups\.other\.benignCount: must not be 2/,
  ],
  'no group for the rest': [changed('objects', { otherGroup: 'rest' }), /otherGroup: must name one of the groups/],
  'a sample of nobody': [changed('isolation', { sampleSize: 1 }), /sampleSize: must not be 1/],
  'other results than in training': [
    { objects: { golden: row({ logit: -4.001 }) } },
    /^model\/golden\.json of the bundle cannot be used: objects\[0\] gives -4, and gave -4\.001 in training$/,
  ],
  'other scores than in training': [
    { objects: { golden: row({ score: 0.02 }) } },
    /the score of objects\[0\] gives 0\.0179\d+, and gave 0\.02 in training$/,
  ],
  'rows of what is no feature': [{ objects: { golden: row({ values: { age: 1 } }) } }, /age is no column/],
  'rows without a result': [{ objects: { golden: row({ logit: null }) } }, /objects\[0\] has no logit$/],
  'hardly any rows': [{ objects: { golden: row({}).slice(1) } }, /must have 8 objects or more$/],
}

for (const [name, [change, message]] of Object.entries(refused)) {
  t.test(`refused: ${name}`, t => {
    t.throws(() => readModels(modelFiles(change)), { code: 'BUNDLE_MODEL_INVALID', message })
    t.end()
  })
}

t.test('refused: a part of the models', t => {
  for (const path of modelFiles().keys()) {
    const files = modelFiles()
    files.delete(path)
    t.throws(() => readModels(files), {
      code: 'BUNDLE_MODEL_INVALID',
      message: `the bundle has a risk model but no ${path}`,
    })
  }
  const text = new Map([...modelFiles(), ['model/golden.json', new Uint8Array([0xff])]])
  t.throws(() => readModels(text), {
    code: 'BUNDLE_MODEL_INVALID',
    message: /^model\/golden\.json of the bundle cannot be/,
  })
  t.end()
})

t.test('an explanation that adds up to something else is noticed before it is told', t => {
  const models = readModels(modelFiles())
  const [first, ...others] = models.golden.change
  if (first === undefined) throw new Error('there are golden rows')
  const golden = { ...models.golden, change: [{ ...first, result: first.result + 0.01 }, ...others] }
  t.throws(() => openModels({ ...models, golden }), {
    code: 'BUNDLE_MODEL_INVALID',
    message: /^model\/changes\.onnx of the bundle cannot be used: the explanation of golden row 0 gives /,
  })
  t.end()
})

const container = (securityContext: JsonObject) =>
  pod({ spec: { containers: [{ name: 'main', image: 'a', securityContext }] } })
const PRIVILEGED = container({ privileged: true })
const PLAIN = container({})

function assessed(
  change: Partial<AdmissionRequest>,
  models: TestModels = {},
  context: Partial<Context> = {},
): Assessment | Promise<Assessment> {
  const model = openModels(readModels(modelFiles(models)))
  return model.assess(admissionRequest(change), contextOf(context))
}

t.test('an object and a change are scored, each by its own model', async t => {
  const summary = ({ risk, anomaly, isCold }: Assessment) => [
    risk && [risk.kind, risk.score.toFixed(4), risk.band, risk.pValue, risk.object?.score.toFixed(4) ?? null],
    anomaly && [anomaly.of, anomaly.score.toFixed(4)],
    isCold,
  ]
  t.strictSame(summary(await assessed({ object: PRIVILEGED })), [
    ['object', '0.9526', 'high', 0.25, null],
    ['object', '0.7629'],
    false,
  ])
  t.strictSame(summary(await assessed({ object: PLAIN })), [['object', '0.0180', 'low', 0.5, null], ['object', '0.4440'], false]) // prettier-ignore
  const update = { operation: 'UPDATE', object: PRIVILEGED, oldObject: PLAIN } as const
  t.strictSame(summary(await assessed(update)), [['change', '0.9933', 'high', 0.25, '0.9526'], null, true])
  t.strictSame(
    summary(await assessed({ ...update, oldObject: PRIVILEGED })),
    [['change', '0.0025', 'low', 0.75, '0.9526'], null, true],
    'what was there already is no change',
  )
  const { risk } = await assessed({ object: PLAIN, kind: { group: '', version: 'v1', kind: 'Other' } })
  t.equal(risk?.score.toFixed(4), '0.1192', 'another kind has another calibration')
  t.match(risk?.model, { version: '1.2.3', digest: /^sha256:[0-9a-f]{64}$/ })
})

t.test('a score says what it is made of, in calibrated log-odds', async t => {
  const { risk } = await assessed({ operation: 'UPDATE', object: PRIVILEGED, oldObject: PLAIN })
  t.strictSame(risk?.contributions, [
    {
      feature: 'pod.privileged',
      value: 1,
      contribution: 9.9,
      paths: ['/spec/containers/0/securityContext/privileged'],
      text: 'privileged false → true',
    },
  ])
  const half = await assessed({ object: PRIVILEGED, kind: { group: '', version: 'v1', kind: 'Other' } })
  t.equal(half.risk?.contributions[0]?.contribution, 3.15, 'half of it where the slope is one half')
})

t.test('how unusual a change is counts where it is known what is usual', async t => {
  const trees = [asking(CHANGE_COLUMNS, 'rarity.guarded', -6, 5)]
  const update = { operation: 'UPDATE', object: PRIVILEGED, oldObject: PLAIN } as const
  const counted = (seen: number) => ({
    rarity: {
      snapshot: { count: (key: string) => (key.includes('privileged') ? seen : 1000), distinct: () => 2 },
      digest: 'd',
    },
  })
  const unusual = await assessed(update, { changes: { trees } }, counted(0))
  t.strictSame([unusual.risk?.band, unusual.anomaly?.of, unusual.isCold], ['high', 'change', false])
  t.ok((unusual.anomaly?.score ?? 0) > 0.6)
  const usual = await assessed(update, { changes: { trees } }, counted(1000))
  t.strictSame([usual.risk?.band, usual.anomaly, usual.isCold], ['low', { of: 'change', score: 0 }, false])
})

t.test('what has no object of its own is not scored', async t => {
  const nothing = { risk: null, anomaly: null, isCold: false }
  t.strictSame(await assessed({ operation: 'DELETE', object: null, oldObject: PRIVILEGED }), nothing)
  t.strictSame(await assessed({ object: PRIVILEGED, subResource: 'scale' }), nothing)
  t.match((await assessed({ object: PRIVILEGED, subResource: 'ephemeralcontainers' })).risk, { kind: 'object' })
})

t.test('one row leaves nothing behind for the next', async t => {
  const model = openModels(readModels(modelFiles()))
  const score = async (object: JsonObject) =>
    (await model.assess(admissionRequest({ object }), contextOf())).risk?.score
  const alone = await score(PLAIN)
  await score(PRIVILEGED)
  t.equal(await score(PLAIN), alone)
  const trees = [asking(CHANGE_COLUMNS, 'rarity.image', -6, 5)]
  const { risk } = await assessed({ operation: 'UPDATE', object: PRIVILEGED, oldObject: PLAIN }, { changes: { trees } })
  t.equal(risk?.band, 'low', 'nor what it was tried with')
})
