import { join } from 'node:path'
import { git, GIT_ENVIRONMENT } from './git.js'

/** Files, and symbolic links, by their path from the repository's root; null removes one. */
export type FileChanges = Readonly<Record<string, string | Buffer | { readonly linkTo: string } | null>>

/** A bare repository that the git server offers. */
export interface Repository {
  readonly name: string
  /** Where Argo CD and Flux clone it from. */
  readonly url: string
  /** The bare repository on disk. */
  readonly directory: string
  /** Commits on top of a branch (`main` when not said), which it creates when it is new; gives the commit's id. */
  commit(changes: FileChanges, message?: string, options?: { branch?: string }): Promise<string>
  /** Lets a branch, new or not, point at a revision. */
  branch(name: string, revision: string): Promise<void>
  /** Creates an annotated tag for a revision, or moves it there. */
  tag(name: string, revision: string): Promise<void>
  /** The commit's id that a branch, a tag or another revision stands for. */
  resolve(revision: string): Promise<string>
}

/** The first commit's time; every further one is a minute later, so that equal histories have equal ids. */
const FIRST_COMMIT_SECONDS = Date.UTC(2026, 0, 1) / 1000

/** An empty bare repository `<name>.git` below a directory. */
export async function createBareRepository(parent: string, name: string, url: string): Promise<Repository> {
  const directory = join(parent, `${name}.git`)
  // Without a template there are no hooks; without gc nothing runs behind the back of a test.
  await git(parent, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', directory])
  await git(directory, ['config', 'gc.auto', '0'])
  const run = (args: readonly string[], input?: Buffer) => git(directory, args, input)
  let commits = 0

  return {
    name,
    url,
    directory,
    commit: async (changes, message = 'change', { branch = 'main' } = {}) => {
      const seconds = FIRST_COMMIT_SECONDS + 60 * commits
      commits += 1
      const known = await run(['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`])
      // One process writes the objects and moves the branch: no work tree, and no moment with half a commit.
      const stream = commitStream(changes, message, { branch, from: known === '' ? null : known, seconds })
      return run(['fast-import', '--quiet', '--done'], stream)
    },
    branch: async (branch, revision) => {
      await run(['branch', '--force', branch, revision])
    },
    tag: async (tag, revision) => {
      await run(['tag', '--force', '--annotate', '--message', tag, tag, revision])
    },
    resolve: revision => run(['rev-parse', '--verify', `${revision}^{commit}`]),
  }
}

/** One commit as `git fast-import` reads it; the commit's id is its answer. */
function commitStream(
  changes: FileChanges,
  message: string,
  { branch, from, seconds }: { branch: string; from: string | null; seconds: number },
): Buffer {
  const { GIT_AUTHOR_NAME: name = '', GIT_AUTHOR_EMAIL: email = '' } = GIT_ENVIRONMENT
  const parts = [
    `commit refs/heads/${branch}\nmark :1\ncommitter ${name} <${email}> ${seconds} +0000\n`,
    ...data(message),
    ...(from === null ? [] : [`from ${from}\n`]),
    ...Object.entries(changes).flatMap(([path, content]) => {
      const quoted = quotePath(path)
      if (content === null) return [`D ${quoted}\n`]
      return typeof content === 'object' && 'linkTo' in content
        ? [`M 120000 inline ${quoted}\n`, ...data(content.linkTo)]
        : [`M 100644 inline ${quoted}\n`, ...data(content)]
    }),
    'get-mark :1\ndone\n',
  ]
  return Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
}

function data(content: string | Buffer): (string | Buffer)[] {
  const bytes = Buffer.from(content)
  return [`data ${bytes.length}\n`, bytes, '\n']
}

/** As C quotes strings. Hostile paths (`../x`) are taken as they are. */
function quotePath(path: string): string {
  return `"${path.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`
}
