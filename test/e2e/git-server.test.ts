import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Repository } from '../helpers/testbed/git-repository.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { git } from '../helpers/testbed/git.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

const bed = createTestbed(t)
const server = await startGitServer(bed)

/** Clones a revision over HTTP and gives the directory. */
async function clone({ name, url }: Repository, branch = 'main'): Promise<string> {
  const directory = join(bed.directory, `clone-${name}-${branch}`)
  await git(bed.directory, ['clone', '--quiet', '--branch', branch, url, directory])
  return directory
}

/** The files of a work tree and what is in them. */
function filesOf(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(each => each.isFile())
    .map(each => join(each.parentPath, each.name))
    .filter(path => !path.startsWith(join(directory, '.git/')))
  return Object.fromEntries(files.map(path => [path.slice(directory.length + 1), readFileSync(path, 'utf8')]))
}

t.test('a client gets what was committed', async t => {
  const files = { 'app/a.yaml': 'a: 1\n', 'b "quoted"\\.txt': '', 'ä/ö.yaml': 'ü\n' }
  const repository = await server.createRepository('content', files)
  const directory = await clone(repository)
  t.strictSame(filesOf(directory), files)

  const second = await repository.commit({
    'app/a.yaml': 'a: 2\n',
    'b "quoted"\\.txt': null,
    'new/c.bin': Buffer.of(0x00),
  })
  await git(directory, ['pull', '--quiet', '--ff-only'])
  t.strictSame(filesOf(directory), { 'app/a.yaml': 'a: 2\n', 'ä/ö.yaml': 'ü\n', 'new/c.bin': '\0' })
  t.equal(await git(directory, ['rev-parse', 'HEAD']), second)
  t.equal(
    await git(directory, ['log', '--format=%an <%ae> %aI %s']),
    [
      'Alice <alice@example.test> 2026-01-01T00:01:00+00:00 change',
      'Alice <alice@example.test> 2026-01-01T00:00:00+00:00 first',
    ].join('\n'),
  )
})

t.test('equal histories have equal ids, on every machine', async t => {
  const ids = await Promise.all(
    ['first', 'second'].map(async name => {
      const repository = await server.createRepository(name, { 'a.yaml': 'a: 1\n' })
      await repository.commit({ 'a.yaml': 'a: 2\n' }, 'second')
      await repository.tag('v1', 'main')
      return git(repository.directory, ['for-each-ref', '--format=%(objectname) %(refname)'])
    }),
  )
  t.equal(
    ids[0],
    [
      'd8dc95a52a284f2837e2e4f17728a4173bebbedb refs/heads/main',
      'ace6c3d51b07a747d1f396065162c2c8da39e812 refs/tags/v1',
    ].join('\n'),
  )
  t.equal(ids[1], ids[0])
})

t.test('branches and tags', async t => {
  const repository = await server.createRepository('refs', { 'a.yaml': 'a: 1\n' })
  const first = await repository.resolve('main')
  await repository.tag('v1', first)
  const onSide = await repository.commit({ 'side.yaml': '' }, 'on a new branch', { branch: 'side' })
  const onMain = await repository.commit({ 'a.yaml': 'a: 2\n' })

  t.strictSame(filesOf(await clone(repository, 'side')), { 'side.yaml': '' })
  t.strictSame(filesOf(await clone(repository, 'v1')), { 'a.yaml': 'a: 1\n' })
  t.equal(await repository.resolve('side'), onSide)
  t.equal(await repository.resolve('v1'), first)

  await repository.branch('main', first)
  await repository.tag('v1', onMain)
  t.equal(await repository.resolve('main'), first)
  t.equal(await repository.resolve('v1'), onMain)
})

t.test('a client that asks for many commits sends its request compressed', async t => {
  const repository = await server.createRepository('many', { 'a.yaml': '' })
  for (let i = 0; i < 40; i += 1) await repository.commit({ 'a.yaml': `${i}\n` }, `${i}`, { branch: `branch-${i}` })
  const directory = await clone(repository, 'branch-39')
  t.equal((await git(directory, ['branch', '--remotes', '--list', 'origin/branch-*'])).split('\n').length, 40)
})

t.test('nothing but a fetch is answered', async t => {
  const repository = await server.createRepository('closed', { 'a.yaml': '' })
  const uploadPack = `${repository.url}/git-upload-pack`
  const at = (path: string) => new URL(path, repository.url).href
  const cases: Record<string, { url: string; body?: string | ReadableStream; status: number }> = {
    'a fetch begins': { url: `${repository.url}/info/refs?service=git-upload-pack`, status: 200 },
    'a push': { url: `${repository.url}/info/refs?service=git-receive-pack`, status: 404 },
    'the dumb protocol': { url: `${repository.url}/info/refs`, status: 404 },
    'a file of the repository': { url: `${repository.url}/config`, status: 404 },
    'an unknown repository': { url: `${server.url('unknown')}/info/refs?service=git-upload-pack`, status: 404 },
    'a path that leaves the directory': {
      url: at('/..%2fgit%2fclosed.git/info/refs?service=git-upload-pack'),
      status: 404,
    },
    'a fetch by GET': { url: uploadPack, status: 404 },
    'a body that is too long': { url: uploadPack, body: ' '.repeat((1 << 20) + 1), status: 413 },
    'a body that may go on for ever': { url: uploadPack, body: new Blob(['0000']).stream(), status: 411 },
  }
  for (const [name, { url, body = null, status }] of Object.entries(cases)) {
    const method = body === null ? 'GET' : 'POST'
    const headers = { 'content-type': 'application/x-git-upload-pack-request' }
    const response = await fetch(url, { method, body, headers, ...(body === null ? {} : { duplex: 'half' }) })
    t.equal(response.status, status, name)
    await response.text()
  }
  await t.rejects(git(await clone(repository), ['push', '--quiet', 'origin', 'main:other']), /not found/)
})

t.test('names are names', async t => {
  for (const name of ['../up', 'a/b', '', '-x', 'A', 'x.git'])
    await t.rejects(server.createRepository(name), { message: `not a name for a repository: ${name}` })
  await server.createRepository('twice')
  await t.rejects(server.createRepository('twice'), { message: 'there is a repository twice already' })
})

t.test('it ends with the test bed', async t => {
  const own = createTestbed(t)
  const repository = await (await startGitServer(own)).createRepository('short', { 'a.yaml': '' })
  const url = `${repository.url}/info/refs?service=git-upload-pack`
  const before = await fetch(url)
  t.equal(before.status, 200)
  await before.text()
  await own.close()
  await t.rejects(fetch(url), { cause: { code: 'ECONNREFUSED' } })
  t.notOk(existsSync(own.directory))
})
