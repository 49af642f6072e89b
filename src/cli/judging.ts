import type { SetDecision, SetError } from '../decision-types.js'
import { GateError } from '../errors.js'
import { builtInBundlePath, loadBundleFiles } from '../io/bundle-source.js'
import type { ReviewPool } from '../io/pool.js'
import { withRarityFile } from '../io/rarity-file.js'
import { errorText } from '../report/text.js'
import { paintFor } from './colors.js'
import { write, type CliEnvironment } from './environment.js'
import type { ScanFormat } from './scan-formats.js'

/** What every command that judges manifests is told. */
export interface JudgingOptions {
  readonly paths: readonly string[]
  readonly format: ScanFormat
  readonly failOnWarn: boolean
  /** For namespaced objects that name none. */
  readonly namespace: string
  /** Not given: the bundle that comes with the program. */
  readonly bundle?: string
  readonly insecureUnsigned: boolean
  /** A file with a rarity snapshot; not given: the bundle's, if it has one. */
  readonly rarity?: string
  readonly kustomize?: string
  readonly helm?: string
  readonly workers?: number
  readonly color?: boolean
  readonly verbose: boolean
  readonly quiet: boolean
  /** A file for a report as one HTML page. */
  readonly report?: string
  /** RFC 3339: judges as if it were then. */
  readonly now?: Date
  /** The version of lockkeeper, for reports that name their writer. */
  readonly version: string
}

/** The answer of a gate as an exit code; higher in the list goes first. */
const EXIT = { failed: 2, denied: 1, warned: 3, allowed: 0 } as const

/**
 * Judges with the bundle that was asked for, and writes the answer once it is complete.
 *
 * @returns the exit code
 * @throws GateError when nothing can be judged: no bundle, or a wrong option
 */
export async function judgeWith(
  options: Pick<JudgingOptions, 'bundle' | 'insecureUnsigned' | 'rarity' | 'workers' | 'quiet' | 'color'>,
  environment: CliEnvironment,
  judge: (pool: ReviewPool) => Promise<{ readonly text: string; readonly exitCode: number }>,
): Promise<number> {
  const { stdout, stderr, createPool, signal } = environment
  const bundlePath = options.bundle ?? (await builtInBundlePath())
  const files = await loadBundleFiles(bundlePath)
  const pool = await createPool({
    files: options.rarity === undefined ? files : await withRarityFile(files, options.rarity),
    allowUnsigned: options.bundle === undefined || options.insecureUnsigned,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  })
  // Whatever is being judged ends at once; who waits for it then sees the signal.
  signal.addEventListener('abort', () => void pool.close(), { once: true })
  try {
    const { reference } = pool.bundle
    if (options.bundle === undefined && !options.quiet) {
      const notice = `lockkeeper: no --bundle named, judging with the built-in one (${reference.digest})`
      await write(stderr, `${paintFor(stderr, options.color, environment).dim(notice)}\n`)
    }
    const { text, exitCode } = await judge(pool)
    signal.throwIfAborted()
    await write(stdout, text)
    return exitCode
  } finally {
    await pool.close()
  }
}

/** How the tools that render are found and stopped. */
export function renderOptions(
  { kustomize, helm }: Pick<JudgingOptions, 'kustomize' | 'helm'>,
  { env, signal }: Pick<CliEnvironment, 'env' | 'signal'>,
) {
  const binaries = { ...(kustomize === undefined ? {} : { kustomize }), ...(helm === undefined ? {} : { helm }) }
  return { binaries, env, signal }
}

/** Says on stderr what could not be judged. */
export async function writeError({ stderr }: Pick<CliEnvironment, 'stderr'>, error: SetError): Promise<void> {
  await write(stderr, `lockkeeper: ${errorText(error)}\n`)
}

/** The paths hold nothing that could be judged. */
export function nothingFound(paths: readonly string[], skipped: number): GateError {
  const beside = skipped === 0 ? '' : ` (${skipped} files without Kubernetes objects were skipped)`
  return new GateError('MANIFEST_NONE', `no manifest was found in ${paths.join(', ')}${beside}`)
}

/** What the program ends with after this answer. */
export function exitCodeOf(set: Pick<SetDecision, 'action' | 'summary'>, failOnWarn: boolean): number {
  if (set.summary.errors > 0) return EXIT.failed
  if (set.action === 'deny') return EXIT.denied
  return set.action === 'warn' && failOnWarn ? EXIT.warned : EXIT.allowed
}
