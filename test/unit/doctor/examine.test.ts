import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { examineCluster } from '../../../doctor/examine.js'
import type { Finding } from '../../../doctor/finding.js'
import { isJsonObject, parseJson } from '../../../src/json.js'
import type { PatchOperation } from '../../../src/decision-types.js'
import { applyPatch } from '../../../src/remedy/patch.js'
import { DOCTOR_CASES } from '../../helpers/doctor-cases.js'
import { healthyFacts } from '../../helpers/doctor-facts.js'
import { ROOT } from '../../helpers/repository.js'

/** What a case makes of a healthy cluster: the findings that are new or otherwise, and the ids that are no longer there. */
interface Expected {
  readonly found: readonly Finding[]
  readonly gone: readonly string[]
}

const expected = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/doctor-findings.json'), 'utf8')) as Record<
  string,
  Expected
>
t.setTimeout(180_000)

const healthy = examineCluster(healthyFacts())

function differences(findings: readonly Finding[]): Expected {
  return {
    found: findings
      .filter(each => !healthy.some(other => JSON.stringify(other) === JSON.stringify(each)))
      // A part of the authority's name is drawn.
      .map(each => ({ ...each, detail: each.detail.replaceAll(/(CA \d{4}-\d\d-\d\d) [0-9a-f]{8}/g, '$1 …') })),
    gone: healthy.map(each => each.id).filter(id => !findings.some(each => each.id === id)),
  }
}

t.test('a healthy cluster', t => {
  t.strictSame(healthy, expected['everything is as the manifests make it']?.found)
  t.end()
})

for (const [name, facts] of Object.entries(DOCTOR_CASES)) {
  if (name === 'everything is as the manifests make it') continue
  t.test(name, t => {
    const findings = examineCluster(facts)
    t.strictSame(differences(findings), expected[name])
    t.equal(new Set(findings.map(({ id }) => id)).size, findings.length, 'each id is there once')
    t.end()
  })
}

t.test('every case has its expectation, and every expectation its case', t => {
  t.strictSame(Object.keys(expected), Object.keys(DOCTOR_CASES))
  t.end()
})

/** The patch in a fix, where it is one of the gate's own configuration. */
function patchIn(fix: string): readonly PatchOperation[] | null {
  const [, text] = /^kubectl patch validatingwebhookconfiguration lockkeeper --type=json -p '(.*)'$/m.exec(fix) ?? []
  return text === undefined ? null : (parseJson(text) as unknown as PatchOperation[])
}

t.test('a patch of the configuration settles what it is offered for', t => {
  let patched = 0
  for (const [name, facts] of Object.entries(DOCTOR_CASES)) {
    for (const { id, fix } of examineCluster(facts)) {
      const patch = patchIn(fix)
      const { configuration } = facts.looks
      if (patch === null || !isJsonObject(configuration.seen)) continue
      patched += 1
      const seen = applyPatch(configuration.seen, patch)
      const after = examineCluster({ ...facts, looks: { ...facts.looks, configuration: { seen } } })
      t.match(
        after.filter(each => each.id === id).map(each => each.level),
        /^(ok)?$/,
        `${name}: ${id}`,
      )
    }
  }
  t.ok(patched > 20, `${patched} patches`)
  t.end()
})
