import { stat } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import { toGateError, type GateError } from '../errors.js'
import { decodeUtf8 } from '../manifest.js'
import { readFileBytes, unreadable, walk, type WalkedDirectory } from './files.js'
import { localPaths } from './kustomization.js'

/** One thing to read manifests from. */
export type Input =
  /** `named` by the user: then it has to hold manifests; a file found in a directory may hold something else. */
  | { readonly kind: 'file'; readonly path: string; readonly named: boolean }
  | { readonly kind: 'lines'; readonly path: string }
  | { readonly kind: 'stdin'; readonly path: string }
  | { readonly kind: 'kustomize' | 'helm'; readonly directory: string; readonly path: string }

/** What the named paths hold, in the order in which it is read. */
export interface Inputs {
  readonly inputs: readonly Input[]
  readonly errors: readonly GateError[]
}

/** How stdin is named in messages. */
export const STDIN_NAME = 'stdin'

const MANIFEST_FILE = /\.(ya?ml|json)$/
const LINES_FILE = /\.(jsonl|ndjson)(\.gz)?$/
const KUSTOMIZATION_FILES: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']
const CHART_FILE = 'Chart.yaml'

/** Flux names its own kind like kustomize's file; that one is an ordinary manifest. */
const FLUX_KUSTOMIZATION = /^apiVersion:\s*["']?kustomize\.toolkit\.fluxcd\.io\//m

/**
 * Finds what is to be read in files, directories and `-` (stdin). A directory with a kustomization or a chart is rendered
 * instead of read; what another kustomization of the same walk builds on is neither read nor rendered by itself.
 */
export async function findInputs(paths: readonly string[]): Promise<Inputs> {
  const inputs: Input[] = []
  const errors: GateError[] = []
  for (const path of paths) {
    if (path === '-') {
      inputs.push({ kind: 'stdin', path: STDIN_NAME })
      continue
    }
    try {
      if ((await stat(path)).isDirectory()) await addDirectory(path, inputs, errors)
      else inputs.push(LINES_FILE.test(path) ? { kind: 'lines', path } : { kind: 'file', path, named: true })
    } catch (error) {
      errors.push(unreadable(path, error))
    }
  }
  return { inputs: unique(inputs), errors }
}

/** A path that was named twice, or in two ways, is read once. */
function unique(inputs: readonly Input[]): Input[] {
  const known = new Map<string, Input>()
  for (const input of inputs) {
    const key = normalize(input.path)
    const before = known.get(key)
    // Named by the user and found in a directory: it was named.
    if (before === undefined || (input.kind === 'file' && input.named)) known.set(key, input)
  }
  return [...known.values()]
}

async function addDirectory(root: string, inputs: Input[], errors: GateError[]): Promise<void> {
  const found: Input[] = []
  const builtOn = new Set<string>()
  const options = {
    wanted: (name: string) => MANIFEST_FILE.test(name) || LINES_FILE.test(name) || KUSTOMIZATION_FILES.includes(name),
    // What is below a chart are templates, not manifests.
    descend: (directory: WalkedDirectory) => !isChart(directory),
    onError: (error: GateError) => errors.push(error),
  }
  for await (const directory of walk(root, options)) {
    const kustomization = await kustomizationOf(directory, errors)
    if (kustomization !== undefined) {
      found.push({ kind: 'kustomize', directory: directory.path, path: kustomization.path })
      for (const path of localPaths(kustomization.text)) builtOn.add(join(directory.path, path))
    } else if (isChart(directory)) {
      found.push({ kind: 'helm', directory: directory.path, path: join(directory.path, CHART_FILE) })
    } else {
      for (const path of directory.files) {
        found.push(LINES_FILE.test(path) ? { kind: 'lines', path } : { kind: 'file', path, named: false })
      }
    }
  }
  const isBuiltOn = (input: Input): boolean =>
    builtOn.has(normalize('directory' in input ? input.directory : input.path))
  inputs.push(...found.filter(input => !isBuiltOn(input) && !isBelow(input, builtOn, root)))
}

/** A plain directory among a kustomization's resources is not one: only its files by name, or a kustomization, can be. */
function isBelow(input: Input, builtOn: ReadonlySet<string>, root: string): boolean {
  if (input.kind !== 'file') return false
  const folder = normalize(dirname(input.path))
  return folder !== normalize(root) && builtOn.has(folder)
}

function isChart({ files }: WalkedDirectory): boolean {
  return files.some(file => basename(file) === CHART_FILE)
}

async function kustomizationOf(
  { files }: WalkedDirectory,
  errors: GateError[],
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const path = files.find(file => KUSTOMIZATION_FILES.includes(basename(file)))
  if (path === undefined) return undefined
  try {
    const text = decodeUtf8(await readFileBytes(path), path)
    return FLUX_KUSTOMIZATION.test(text) ? undefined : { path, text }
  } catch (error) {
    errors.push(toGateError(error, 'FILE_UNREADABLE', path))
    return undefined
  }
}
