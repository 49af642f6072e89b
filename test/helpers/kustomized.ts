import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { KubeObject } from '../../src/manifest.js'
import { objectsOf } from './own-manifests.js'
import { ROOT } from './repository.js'
import { program } from './testbed/programs.js'

interface Kustomization {
  readonly namespace?: string
  readonly resources: readonly string[]
  readonly components: readonly string[]
}

/** What kustomize makes of a kustomization that is written into the directory, with paths from the checkout. */
export function kustomized(
  directory: string,
  { resources, components, ...more }: Kustomization,
): readonly KubeObject[] {
  const fromThere = (path: string) => relative(directory, join(ROOT, path))
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    ...more,
    resources: resources.map(fromThere),
    components: components.map(fromThere),
  }
  writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization))
  const args = ['build', '--load-restrictor', 'LoadRestrictionsNone', directory]
  const { status, stdout, stderr } = spawnSync(program('kustomize'), args, { encoding: 'utf8', timeout: 60_000 })
  if (status !== 0) throw new Error(stderr)
  return objectsOf(stdout, 'kustomize.yaml')
}
