import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import type { ApiClient } from './api.js'
import { member, type Manifest } from './api-objects.js'
import { programFiles, type ProgramName } from './programs.js'
import { together } from './together.js'

/** The objects in files that a program's Go module ships. */
export function shippedManifests(program: ProgramName, paths: readonly string[]): readonly Manifest[] {
  return paths.flatMap(path => loadAll(readFileSync(join(programFiles(program), path), 'utf8')) as Manifest[])
}

/** Creates CustomResourceDefinitions and waits until their kinds are served. */
export async function createDefinitions(client: ApiClient, definitions: readonly Manifest[]): Promise<void> {
  await together(
    definitions.map(async definition => {
      await client.create(definition)
      await client.waitUntil(definition, `${definition.metadata?.name ?? '?'} is established`, object => {
        const conditions = member(object, 'status', 'conditions') as { type: string; status: string }[] | undefined
        return conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false
      })
    }),
  )
}

/** A namespace. */
export function namespace(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

/** The same object in a namespace: shipped manifests leave that to kustomize. */
export function inNamespace(manifest: Manifest, name: string): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace: name } }
}
