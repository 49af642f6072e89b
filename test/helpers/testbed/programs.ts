import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../repository.js'

/** The programs of the end-to-end suite, as test/e2e/tools/programs.json lists them. */
export type ProgramName =
  | 'argocd'
  | 'etcd'
  | 'helm'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kubectl'
  | 'kustomize'
  | 'kustomize-controller'
  | 'opa'
  | 'source-controller'

/** Go modules of which only files are used. */
type FilesName = 'openreports' | 'sarif'

interface Place {
  readonly path: string
  readonly files: string
  readonly isBuilt: boolean
}

let places: Readonly<Record<string, Place>> | null = null

function place(name: ProgramName | FilesName): Place {
  places ??= locateAll()
  const found = places[name]
  if (found?.isBuilt !== true) throw new Error(`${name} is not built: run "npm run e2e:tools" first`)
  return found
}

/** The script that builds the programs knows where it puts them. */
function locateAll(): Readonly<Record<string, Place>> {
  const script = join(ROOT, 'scripts/e2e-tools.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--paths'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the programs could not be located: ${stderr}`)
  return JSON.parse(stdout) as Record<string, Place>
}

/**
 * The path of a program.
 *
 * @throws Error when it is not built
 */
export function program(name: ProgramName): string {
  return place(name).path
}

/** The directory with what was kept of a Go module (CRDs, manifests), under the same paths as in the module. */
export function programFiles(name: ProgramName | FilesName): string {
  return place(name).files
}
