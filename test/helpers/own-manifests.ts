import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GateError, createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import type { KubeObject } from '../../src/manifest.js'
import { readManifests } from '../../src/manifest.js'
import { namespaceInfo } from '../../src/policy/bundle.js'
import { buildRequest } from '../../src/request.js'
import { isLocalConfiguration } from '../../src/resources.js'
import { contextOf } from './requests.js'
import { filesBelow, ROOT } from './repository.js'

/** What the gate says of one object of ours. */
export interface OwnVerdict {
  readonly object: string
  readonly allowed: boolean
  /** `<policy>: <enforcementAction>` */
  readonly violations: readonly string[]
  /** Names of the exceptions that were used. */
  readonly exceptions: readonly string[]
}

/** The objects in a YAML stream, but for what only kustomize reads. @throws GateError where one cannot be read */
export function objectsOf(text: string, file: string): readonly KubeObject[] {
  return [...readManifests(text, file)].flatMap(read => {
    if (read instanceof GateError) throw read
    return isLocalConfiguration(read.object.apiVersion, read.object.kind) ? [] : [read.object]
  })
}

/** The objects in the YAML files below a directory of the checkout, by file. */
export function ownObjects(directory: string): ReadonlyMap<string, readonly KubeObject[]> {
  const files = filesBelow(directory, '.yaml')
  return new Map(files.map(file => [file, objectsOf(readFileSync(join(ROOT, file), 'utf8'), file)]))
}

/** `Kind namespace/name` */
export function nameOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  const path = [namespace, name].filter(each => typeof each === 'string').join('/')
  return `${kind} ${path}`
}

/** Judges objects that are created together by the built-in bundle, as the webhook would. */
export async function judgeTogether(objects: readonly KubeObject[]): Promise<readonly OwnVerdict[]> {
  const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
  const gate = await createGate(bundle)
  const namespaces = new Map(
    objects
      .filter(each => each.kind === 'Namespace')
      .map(each => [each.metadata.name, namespaceInfo(each.metadata)] as const),
  )
  const related = { objects, digest: '', complete: false }
  const verdicts: OwnVerdict[] = []
  for (const object of objects) {
    const request = buildRequest({ object, base: null, userInfo: bundle.config.prediction.userInfo, namespace: '' })
    const namespace = request.namespace === undefined ? null : (namespaces.get(request.namespace) ?? 'unknown')
    const decision = await gate.review(request, contextOf({ namespace, related }))
    verdicts.push({
      object: nameOf(object),
      allowed: decision.allowed,
      violations: decision.violations.map(each => `${each.policy}: ${each.enforcementAction}`),
      exceptions: decision.exceptions.map(each => each.name),
    })
  }
  return verdicts
}
