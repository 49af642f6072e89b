import { fileURLToPath } from 'node:url'
import { bareContext, PREDICTED } from '../src/context.js'
import { GateError } from '../src/errors.js'
import { loadBundleFiles } from '../src/io/bundle-source.js'
import type { JsonObject } from '../src/json.js'
import { buildRequest } from '../src/request.js'
import { readModels } from '../src/risk/models.js'
import type { RarityCounts } from '../src/risk/rarity/counts.js'
import { openModels } from '../src/risk/trained-model.js'
import type { Scored, Scorer } from './scorer.js'

const BUNDLE = fileURLToPath(new URL('../../policies/bundle', import.meta.url))
/** Everything is judged at one moment by one user: a model reads neither. */
const NOW = '2026-01-01T00:00:00Z'
const USER = { username: 'evaluation', groups: [] }

/** The released models, asked as a gate asks them. */
export async function createScorer(): Promise<Scorer> {
  const models = readModels(await loadBundleFiles(BUNDLE))
  const model = openModels(models)

  async function score(object: JsonObject, base: JsonObject | null, counts: RarityCounts | null): Promise<Scored> {
    const request = buildRequest({ object, base, userInfo: USER, namespace: 'default' })
    const context = {
      ...bareContext({ gate: 'cli', now: NOW, namespace: null, provenance: PREDICTED }),
      rarity: counts === null ? null : { snapshot: counts, digest: '' },
    }
    const { risk, anomaly } = await model.assess(request, context)
    if (risk === null) throw new GateError('INTERNAL', `a ${request.kind.kind} was not scored`)
    const file = base === null ? models.object : models.change
    return {
      score: risk.score,
      anomaly: anomaly?.score ?? null,
      band: risk.band,
      group: file.groupOf(request.kind.kind),
    }
  }

  return {
    scoreObject: object => score(object, null, null),
    scoreChange: (old, object, counts) => score(object, old, counts),
  }
}
