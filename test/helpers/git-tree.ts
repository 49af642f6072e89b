import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

/** Files by path; null: gone, `link`: a symbolic link. */
export type TreeChanges = Readonly<Record<string, string | null | { readonly link: string }>>

/** A repository of a test. */
export interface GitTree {
  readonly root: string
  readonly write: (changes: TreeChanges) => void
  /** Writes and commits. @returns the commit */
  readonly commit: (changes: TreeChanges) => string
  readonly git: (...args: string[]) => string
}

/** What git runs with in tests: nobody's settings, one author and one time; nothing above the tests' directories is looked at. */
export function gitEnvironment(): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: '/nonexistent',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.com',
    GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
  }
}

/** Makes a repository with one commit on `main`, and the branch `feature` checked out. */
export function gitTree(t: Test, files: TreeChanges, root = t.testdir({})): GitTree {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: root,
      env: gitEnvironment(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  const write = (changes: TreeChanges): void => {
    for (const [path, content] of Object.entries(changes)) {
      const place = join(root, path)
      rmSync(place, { recursive: true, force: true })
      if (content === null) continue
      mkdirSync(dirname(place), { recursive: true })
      if (typeof content === 'string') writeFileSync(place, content)
      else symlinkSync(content.link, place)
    }
  }
  const commit = (changes: TreeChanges): string => {
    write(changes)
    git('add', '--all')
    git('commit', '--quiet', '--allow-empty', '--message', 'a change')
    return git('rev-parse', 'HEAD')
  }
  git('init', '--quiet', '--initial-branch', 'main', '.')
  commit(files)
  git('checkout', '--quiet', '-b', 'feature')
  return { root, write, commit, git }
}
