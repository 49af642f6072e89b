import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { GateError } from '../../errors.js'
import { findProgram } from '../render/find-tool.js'
import { outputOf, runTool, type ToolResult } from '../render/tool-process.js'
import { isInside } from '../render/tree.js'

/** What Git runs with. */
export interface GitOptions {
  /** Its PATH is searched for git. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
}

/** The repository that paths are in. */
export interface Repository {
  /** The top of its working tree, all links followed. */
  readonly root: string
  /** The paths, relative to the root; '' is the root itself. */
  readonly paths: readonly string[]
  /** Runs git in the root. @throws GateError BASE_UNREADABLE where it fails */
  run(args: readonly string[], input?: string): Promise<Uint8Array>
  /** The same, where a failure is an answer. */
  try(args: readonly string[]): Promise<ToolResult>
}

/** A commit that a change is compared with. */
export interface Base {
  readonly commit: string
  /** For people: `main`, or `the merge base of main and HEAD`. */
  readonly name: string
}

/** What Git lists and prints at most in one run. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/**
 * Finds the one repository that all paths are in; they need not exist any more.
 *
 * @throws GateError BASE_UNREADABLE, USAGE for paths of several repositories
 */
export async function openRepository(paths: readonly string[], { env, signal }: GitOptions): Promise<Repository> {
  const binary = await findProgram('git', env.PATH)
  if (binary === null) throw unreadableBase('git was not found on PATH: install it, it knows what was there before')
  const runGit = async (cwd: string, args: readonly string[], input?: string): Promise<ToolResult> => {
    const run = {
      ...{ tool: 'git', binary, subject: cwd, cwd },
      // No program that the repository's settings name watches the files, and nobody is asked for a password.
      args: ['-c', 'core.fsmonitor=false', ...args],
      env: { ...env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_LITERAL_PATHSPECS: '1', LC_ALL: 'C' },
      ...(input === undefined ? {} : { input }),
    }
    try {
      return await runTool(run, { maxBytes: MAX_OUTPUT_BYTES, ...(signal === undefined ? {} : { signal }) })
    } catch (error) {
      throw asUnreadableBase(error)
    }
  }
  const places = await Promise.all(paths.map(placeOf))
  const found = await runGit(places[0]?.directory ?? resolve('.'), ['rev-parse', '--show-toplevel'])
  if (found.failure !== null) {
    throw unreadableBase(`${paths[0] ?? '.'}: is not in the working tree of a Git repository: ${lastLine(found.said)}`)
  }
  const root = await realpath(textOf(found.output))
  const inside = places.map(({ path, real }, index) => {
    // A link in the tree is compared by its name, wherever it leads on either side.
    const place = [path, real].find(each => isInside(root, each))
    if (place === undefined) throw new GateError('USAGE', `${paths[index] ?? ''}: is not in the Git repository ${root}`)
    return relative(root, place)
  })
  return {
    root,
    paths: inside,
    run: async (args, input) => {
      try {
        return outputOf(await runGit(root, args, input))
      } catch (error) {
        throw asUnreadableBase(error)
      }
    },
    try: args => runGit(root, args),
  }
}

/**
 * The commit of a revision, or where the current commit has left it: changes that were made there since are not changes
 * of this branch.
 *
 * @throws GateError USAGE or BASE_UNREADABLE
 */
export async function findBase(repository: Repository, revision: string, mergeBase: boolean): Promise<Base> {
  if (revision === '' || revision.startsWith('-')) {
    throw new GateError('USAGE', `--base ${revision}: is no revision of Git`)
  }
  const commit = await commitOf(repository, revision)
  if (commit === null) throw await unknownRevision(repository, revision)
  if (!mergeBase) return { commit, name: revision }
  if ((await commitOf(repository, 'HEAD')) === null) {
    throw unreadableBase('the repository has no commit yet, so there is nothing to compare with')
  }
  const found = await repository.try(['merge-base', commit, 'HEAD'])
  if (found.failure === null) return { commit: textOf(found.output), name: `the merge base of ${revision} and HEAD` }
  const reason = (await isShallow(repository)) ? SHALLOW : 'they have no history in common'
  throw unreadableBase(`there is no merge base of ${revision} and HEAD: ${reason}; --no-merge-base compares without it`)
}

const SHALLOW =
  'this is a shallow clone, which lacks the history (git fetch --unshallow; fetch-depth: 0 for actions/checkout, GIT_DEPTH: 0 for GitLab)'

/** A path with the links above it followed, and with its own. */
interface RealPlace {
  readonly path: string
  readonly real: string
  /** The nearest directory that exists. */
  readonly directory: string
}

async function placeOf(path: string): Promise<RealPlace> {
  const absolute = resolve(path)
  const missing = [basename(absolute)]
  let above = dirname(absolute)
  let found = await realpath(above).catch(() => null)
  while (found === null && dirname(above) !== above) {
    missing.unshift(basename(above))
    above = dirname(above)
    found = await realpath(above).catch(() => null)
  }
  const parent = found ?? above
  const named = join(parent, ...missing)
  const real = await realpath(absolute).catch(() => named)
  const isDirectory = await stat(real).then(
    each => each.isDirectory(),
    () => false,
  )
  return { path: named, real, directory: isDirectory ? real : parent }
}

async function commitOf(repository: Repository, revision: string): Promise<string | null> {
  const { failure, output } = await repository.try(['rev-parse', '--verify', '--quiet', `${revision}^{commit}`])
  return failure === null ? textOf(output) : null
}

async function unknownRevision(repository: Repository, revision: string): Promise<GateError> {
  const remote = `origin/${revision}`
  const help =
    (await commitOf(repository, remote)) !== null
      ? `here it is called ${remote}`
      : (await isShallow(repository))
        ? SHALLOW
        : `fetch it first (git fetch origin ${revision})`
  return unreadableBase(`${revision} is no commit that this repository has: ${help}`)
}

async function isShallow(repository: Repository): Promise<boolean> {
  return textOf(await repository.run(['rev-parse', '--is-shallow-repository'])) === 'true'
}

/** What is compared with could not be read, for this reason. */
export function unreadableBase(message: string, cause?: unknown): GateError {
  return new GateError('BASE_UNREADABLE', message, { cause })
}

/** A failed run of git is not about a manifest. */
function asUnreadableBase(error: unknown): unknown {
  return error instanceof GateError ? unreadableBase(error.message, error) : error
}

function textOf(output: Uint8Array): string {
  return Buffer.from(output).toString('utf8').replace(/\n$/, '')
}

function lastLine(said: string): string {
  return said.trim().split('\n').at(-1) ?? ''
}
