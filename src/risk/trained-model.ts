import { createHash } from 'node:crypto'
import type { AdmissionRequest } from '../admission.js'
import { canonicalObject } from '../canonical.js'
import type { Anomaly, Context, Risk } from '../decision-types.js'
import type { JsonObject } from '../json.js'
import { calibrate } from './calibration.js'
import { changeFeatures, objectFeatures } from './features.js'
import { inModel, type ModelFile, type ScoringFile } from './model-file.js'
import type { Assessment, RiskModel } from './model.js'
import { rarityFeatures, rarityScore } from './rarity/surprise.js'
import { CHANGE_COLUMNS, checkGolden, type Golden, type Models } from './models.js'
import { openSession, type NativeCall, type Session } from './session.js'

/** Subresources that are the object they belong to; of others (scale, binding, token) there is nothing to score. */
const WHOLE_OBJECTS: ReadonlySet<string> = new Set(['', 'ephemeralcontainers', 'resize'])

/**
 * The models of a bundle, ready to run: what they gave in training they have to give here.
 *
 * @throws GateError (rejects with) BUNDLE_MODEL_INVALID
 */
export async function openModels(models: Models, native: NativeCall): Promise<RiskModel> {
  // One after the other: a thread's guard lets one native call run at a time.
  const object = await open(models.object, models.golden.object, native)
  const change = await open(models.change, models.golden.change, native)
  const isolation = await open(models.isolation, models.golden.isolation, native)
  const digest = digestOf(models)

  async function run(session: Session, ...parts: readonly Float32Array[]): Promise<number> {
    let at = 0
    for (const part of parts) {
      session.row.set(part, at)
      at += part.length
    }
    session.row.fill(0, at)
    return session.run()
  }

  function riskOf(file: ScoringFile, kind: Risk['kind'], objectKind: string, logit: number): Risk {
    const { score, threshold, band, pValue } = calibrate(logit, file.calibrationOf(objectKind))
    return { score, band, kind, threshold, pValue, contributions: [], model: { digest, version: file.version } }
  }

  async function assessObject(
    value: JsonObject,
    kind: string,
  ): Promise<{ readonly risk: Risk; readonly anomaly: Anomaly }> {
    const { values } = objectFeatures(value)
    const risk = riskOf(models.object, 'object', kind, await run(object, values))
    const depth = await run(isolation, values)
    return { risk, anomaly: { of: 'object', score: 2 ** (-depth / meanDepth(models.isolation.sampleSize)) } }
  }

  return {
    async assess(request: AdmissionRequest, { rarity }: Context): Promise<Assessment> {
      const { object: value, oldObject, operation, subResource = '' } = request
      const { kind } = request.kind
      if (value === null || !WHOLE_OBJECTS.has(subResource)) return { risk: null, anomaly: null, isCold: false }
      const after = canonicalObject(value)
      const whole = await assessObject(after, kind)
      if (operation !== 'UPDATE' || oldObject === null) return { ...whole, isCold: false }
      const before = canonicalObject(oldObject)
      const { values } = changeFeatures(before, after)
      const unusual = rarityFeatures(before, after, rarity?.snapshot ?? null)
      const risk = riskOf(models.change, 'change', kind, await run(change, values, unusual.values))
      return {
        risk: { ...risk, object: { score: whole.risk.score } },
        anomaly: rarity === null ? null : { of: 'change', score: rarityScore(unusual) },
        isCold: rarity === null,
      }
    },
  }
}

async function open(file: ModelFile, golden: readonly Golden[], native: NativeCall): Promise<Session> {
  const columns = golden[0]?.row.length ?? CHANGE_COLUMNS.length
  const session = await openSession(file, columns, native)
  for (const [index, { row, result }] of golden.entries()) {
    session.row.set(row)
    const found = await session.run()
    inModel(file.path, () => {
      checkGolden(`golden row ${index}`, found, result)
    })
  }
  return session
}

/** One digest for what scores. */
function digestOf({ object, change, isolation }: Models): string {
  const hash = createHash('sha256')
  for (const { path, bytes } of [object, change, isolation])
    hash.update(`${path}\0${createHash('sha256').update(bytes).digest('hex')}\n`)
  return `sha256:${hash.digest('hex')}`
}

/** The depth at which a search in a tree of so many random rows ends on average (Liu, Ting and Zhou 2008). */
function meanDepth(rows: number): number {
  const EULER = 0.5772156649015329
  return 2 * (Math.log(rows - 1) + EULER) - (2 * (rows - 1)) / rows
}
