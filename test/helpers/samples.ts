import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAdmissionReview, type AdmissionRequest } from '../../src/admission.js'
import type { Context, Risk } from '../../src/decision-types.js'
import { GateError } from '../../src/errors.js'
import { parseJson } from '../../src/json.js'
import { readManifests, type Manifest } from '../../src/manifest.js'
import type { Change } from '../../src/policy/evaluate.js'
import { policyIds, ROOT } from './repository.js'

/** One file among a policy's samples, and whether the policy has something to say of it. */
export interface SampleFile {
  readonly policy: string
  readonly name: string
  /** From the checkout's root. */
  readonly path: string
  readonly isDenied: boolean
}

/** What a team would write: manifests in YAML. */
export interface Sample extends SampleFile {
  readonly text: string
  readonly manifests: readonly Manifest[]
  /** For policies that judge the risk. */
  readonly risk: Risk | null
  /** For policies that judge an object by others that are there. */
  readonly related: Context['related']
}

/** What no manifest can say (CONNECT, DELETE, UPDATE, subresources): one AdmissionReview as the API server sends it. */
export interface RequestSample extends SampleFile {
  readonly request: AdmissionRequest
  readonly namespace: Context['namespace']
  readonly related: Context['related']
}

/** What set policies judge: the changes of one sync. */
export interface ChangesSample extends SampleFile {
  readonly changes: readonly Change[]
}

/** How the file of each form of sample ends. */
export const SAMPLE_ENDINGS = { manifests: '.yaml', request: '.request.json', changes: '.changes.json' } as const

/** Every sample of every policy that is written in manifests, in the order of their names. */
export function samples(): readonly Sample[] {
  return sampleFiles(SAMPLE_ENDINGS.manifests).map(file => {
    const text = readFileSync(join(ROOT, file.path), 'utf8')
    const manifests = [...readManifests(text, file.path)].map(each => {
      if (each instanceof GateError) throw each
      return each
    })
    const { risk = null, related = null } = contextOf(file, SAMPLE_ENDINGS.manifests)
    return { ...file, text, manifests, risk, related }
  })
}

/** Every sample of every policy that is one request; its namespace has no labels where no `.context.json` gives it some. */
export function requestSamples(): readonly RequestSample[] {
  return sampleFiles(SAMPLE_ENDINGS.request).map(file => {
    const request = parseAdmissionReview(parseJson(readFileSync(join(ROOT, file.path), 'utf8')))
    const { namespace = { labels: {}, annotations: {} }, related = null } = contextOf(file, SAMPLE_ENDINGS.request)
    return { ...file, request, namespace: request.namespace === undefined ? null : namespace, related }
  })
}

/** Every sample of a set policy: `{"description", "changes": [{"operation", "object", "oldObject"}]}`. */
export function changesSamples(): readonly ChangesSample[] {
  return sampleFiles(SAMPLE_ENDINGS.changes).map(file => {
    const { changes } = JSON.parse(readFileSync(join(ROOT, file.path), 'utf8')) as { changes: Omit<Change, 'risk'>[] }
    return {
      ...file,
      changes: changes.map(({ operation, object, oldObject }) => ({ operation, object, oldObject, risk: null })),
    }
  })
}

function sampleFiles(ending: string): readonly SampleFile[] {
  return policyIds().flatMap(policy => {
    const directory = join('policies', policy, 'samples')
    const names = readdirSync(join(ROOT, directory)).filter(name => name.endsWith(ending))
    return names.sort().map(name => {
      return { policy, name, path: join(directory, name), isDenied: name.startsWith('denied-') }
    })
  })
}

/** What is known beside a sample: `denied-x.context.json` stands beside `denied-x.yaml` or `denied-x.request.json`. */
function contextOf(
  { path }: SampleFile,
  ending: string,
): Partial<Pick<Context, 'namespace' | 'related'>> & { risk?: Risk } {
  const file = join(ROOT, `${path.slice(0, -ending.length)}.context.json`)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof contextOf>) : {}
}
