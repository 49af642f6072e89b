import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { GateError } from '../../../../../src/errors.js'
import { withBaseTree } from '../../../../../src/io/git/base-tree.js'
import { findBase, openRepository } from '../../../../../src/io/git/repository.js'
import { trackedLinksOut } from '../../../../../src/io/git/tracked-links.js'
import { gitEnvironment, gitTree } from '../../../../helpers/git-tree.js'

t.setTimeout(120_000)
const env = gitEnvironment()

/** A directory that is below no repository. */
function outside(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'lockkeeper-test-'))
  t.teardown(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return path
}

t.test('a repository is found by its paths, also by those that are gone', async t => {
  const { root } = gitTree(t, { 'apps/a.yaml': 'a', current: { link: 'apps' } })
  const cases: Record<string, readonly [readonly string[], readonly string[]]> = {
    'the top': [['.'], ['']],
    'a directory and a file': [
      ['apps', 'apps/a.yaml'],
      ['apps', 'apps/a.yaml'],
    ],
    'what is gone': [['gone/deep/x.yaml'], ['gone/deep/x.yaml']],
    'a link is taken by its own name': [['current'], ['current']],
    'what is below a link is where the link leads': [['current/a.yaml'], ['apps/a.yaml']],
  }
  for (const [name, [paths, expected]] of Object.entries(cases)) {
    const repository = await openRepository(
      paths.map(path => join(root, path)),
      { env },
    )
    t.strictSame([repository.root, repository.paths], [root, expected], name)
  }
  const other = outside(t)
  await t.rejects(openRepository([root, other], { env }), {
    code: 'USAGE',
    message: `${other}: is not in the Git repository ${root}`,
  })
  await t.rejects(openRepository([other], { env }), {
    code: 'BASE_UNREADABLE',
    message: new RegExp(`^${other}: is not in the working tree of a Git repository: fatal: not a git repository`),
  })
  await t.rejects(openRepository([root], { env: { PATH: '' } }), {
    code: 'BASE_UNREADABLE',
    message: /^git was not found/,
  })
})

t.test('the base is where HEAD has left the revision', async t => {
  const { root, git, commit } = gitTree(t, { a: '1' })
  const start = git('rev-parse', 'main')
  commit({ b: '1' })
  git('checkout', '--quiet', 'main')
  const ahead = commit({ a: '2' })
  git('update-ref', 'refs/remotes/origin/release', ahead)
  git('tag', 'v1', ahead)
  git('checkout', '--quiet', 'feature')
  const repository = await openRepository([root], { env })
  t.strictSame(await findBase(repository, 'main', true), { commit: start, name: 'the merge base of main and HEAD' })
  for (const revision of ['main', 'v1', ahead, 'origin/release']) {
    t.strictSame(await findBase(repository, revision, false), { commit: ahead, name: revision })
  }
  const refused: Record<string, readonly [string, string, RegExp]> = {
    'a branch that only the remote has': [
      'release',
      'BASE_UNREADABLE',
      /^release is no commit .*: here it is called origin\/release$/,
    ],
    'one that nobody has': ['nope', 'BASE_UNREADABLE', /: fetch it first \(git fetch origin nope\)$/],
    'a tree is no commit': ['main^{tree}', 'BASE_UNREADABLE', /is no commit/],
    'a flag': ['--all', 'USAGE', /^--base --all: is no revision/],
    nothing: ['', 'USAGE', /is no revision/],
    'a name with a NUL': ['a\0b', 'BASE_UNREADABLE', /could not be started/],
  }
  for (const [name, [revision, code, message]] of Object.entries(refused)) {
    await t.rejects(findBase(repository, revision, true), { code, message }, name)
  }
  git('checkout', '--quiet', '--orphan', 'stranger')
  await t.rejects(findBase(repository, 'main', true), { code: 'BASE_UNREADABLE', message: /no commit yet/ })
  commit({ c: '1' })
  await t.rejects(findBase(repository, 'main', true), {
    code: 'BASE_UNREADABLE',
    message: /^there is no merge base of main and HEAD: they have no history in common; --no-merge-base/,
  })
})

t.test('a shallow clone is told what it lacks', async t => {
  const { root, git, commit } = gitTree(t, { a: '1' })
  commit({ b: '1' })
  git('checkout', '--quiet', 'main')
  commit({ a: '2' })
  const clone = join(outside(t), 'clone')
  const run = (...args: string[]) =>
    execFileSync('git', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  run('clone', '--quiet', '--depth', '1', '--branch', 'feature', `file://${root}`, clone)
  const repository = await openRepository([clone], { env })
  await t.rejects(findBase(repository, 'main', true), {
    code: 'BASE_UNREADABLE',
    message:
      /^main is no commit that this repository has: this is a shallow clone, which lacks the history \(git fetch --unshallow;/,
  })
  run('-C', clone, 'fetch', '--quiet', '--depth', '1', 'origin', 'main')
  await t.rejects(findBase(repository, 'FETCH_HEAD', true), {
    code: 'BASE_UNREADABLE',
    message: /^there is no merge base of FETCH_HEAD and HEAD: this is a shallow clone/,
  })
  t.equal(
    (await findBase(repository, 'FETCH_HEAD', false)).commit,
    git('rev-parse', 'main'),
    'without the merge base it is enough',
  )
})

t.test('the tree of a commit becomes files as they are stored, and goes again', async t => {
  const large = 'x'.repeat(40 * 1024 * 1024)
  const { root, git } = gitTree(t, {
    'a.yaml': 'kind: A\r\n',
    empty: '',
    'deep/er/Größe \n.yaml': '$Id$ $Format:%H$\n',
    'secret.yaml': 'left out by git archive',
    'large-1.bin': large,
    'large-2.bin': large,
    'run.sh': '#!/bin/sh\n',
    '.gitattributes': 'secret.yaml export-ignore\n*.yaml ident export-subst text eol=lf\n',
    near: { link: 'deep/er' },
    'deep/up': { link: '../a.yaml' },
    out: { link: '../elsewhere' },
    'deep/out': { link: '../../elsewhere' },
    absolute: { link: '/etc/hostname' },
  })
  const repository = await openRepository([root], { env })
  const before = process.umask(0)
  let directory = ''
  try {
    const found = await withBaseTree(repository, 'main', tree => {
      directory = tree.directory
      t.equal(lstatSync(directory).mode & 0o077, 0, 'nobody else may read it')
      t.equal(lstatSync(join(directory, 'run.sh')).mode & 0o777, 0o600)
      t.equal(readFileSync(join(directory, 'near/Größe \n.yaml'), 'utf8'), '$Id$ $Format:%H$\n', 'by the link')
      t.equal(readFileSync(join(directory, 'large-2.bin'), 'utf8') === large, true)
      t.equal(readFileSync(join(directory, 'empty'), 'utf8'), '')
      t.equal(readFileSync(join(directory, 'a.yaml'), 'utf8'), git('cat-file', 'blob', 'main:a.yaml') + '\n')
      return Promise.resolve({ refused: tree.refusedLinks, names: readdirSync(directory, { recursive: true }).sort() })
    })
    t.strictSame(found, {
      refused: ['absolute', 'deep/out', 'out'],
      names: [
        '.gitattributes',
        'a.yaml',
        'deep',
        'deep/er',
        'deep/er/Größe \n.yaml',
        'deep/up',
        'empty',
        'large-1.bin',
        'large-2.bin',
        'near',
        'near/Größe \n.yaml',
        'run.sh',
        'secret.yaml',
      ],
    })
  } finally {
    process.umask(before)
  }
  t.notOk(existsSync(directory), 'it is gone')
  await t.rejects(
    withBaseTree(repository, 'main', tree => {
      directory = tree.directory
      return Promise.reject(new GateError('INTERNAL', 'what its user throws stays what it is'))
    }),
    { code: 'INTERNAL', message: 'what its user throws stays what it is' },
  )
  t.notOk(existsSync(directory), 'also after an error')
})

t.test('a tree that Git itself would refuse is refused', async t => {
  const { root, git } = gitTree(t, { a: 'x' })
  const blob = git('rev-parse', 'main:a')
  const repository = await openRepository([root], { env })
  const make = (entries: string): string =>
    execFileSync('git', ['mktree', '-z', '--missing'], { cwd: root, env, input: entries, encoding: 'utf8' }).trim()
  const commitOf = (tree: string): string => git('commit-tree', tree, '-m', 'x')
  const link = execFileSync('git', ['hash-object', '-w', '--stdin'], {
    cwd: root,
    env,
    input: 'a',
    encoding: 'utf8',
  }).trim()
  const inner = make(`100644 blob ${blob}\tx\0`)
  const cases: Record<string, readonly [string, RegExp]> = {
    'a parent directory': [make(`040000 tree ${inner}\t..\0`), /a path that Git itself would refuse: "\.\.\/x"/],
    'a repository in it': [make(`040000 tree ${inner}\t.GIT\0`), /a path that Git itself would refuse/],
    'a name twice, as link and as directory': [
      make(`120000 blob ${link}\td\x00040000 tree ${inner}\td\0`),
      /could not be written as files: EEXIST/,
    ],
    'a name twice, as two files': [
      make([blob, link].map(each => `100644 blob ${each}\tx\0`).join('')),
      /could not be written as files: EEXIST/,
    ],
    'content that is not there': [
      make(`100644 blob ${'1'.repeat(40)}\tx\0`),
      /^x: the repository does not have its content: fetch it/,
    ],
  }
  for (const [name, [tree, message]] of Object.entries(cases)) {
    await t.rejects(
      withBaseTree(repository, commitOf(tree), () => Promise.resolve(null)),
      { code: 'BASE_UNREADABLE', message },
      name,
    )
  }
  t.notOk(existsSync('/tmp/x'), 'nothing was written through a link')
})

t.test('links that a change brings along may not lead out of the tree', async t => {
  const { root, write } = gitTree(t, {
    'apps/fine': { link: '../other' },
    'apps/out': { link: '../../../etc' },
    'apps/gone': { link: '/etc' },
    'other/out': { link: '/etc/hostname' },
  })
  write({ 'apps/gone': null, 'apps/untracked': { link: '/etc' } })
  const of = async (...paths: string[]) =>
    trackedLinksOut(
      await openRepository(
        paths.map(path => join(root, path)),
        { env },
      ),
    )
  t.strictSame(await of('.'), ['apps/out', 'other/out'])
  t.strictSame(await of('apps'), ['apps/out'], 'only below the paths')
  t.strictSame(await of('apps', 'apps/out', 'nowhere'), ['apps/out'], 'each once')
})
