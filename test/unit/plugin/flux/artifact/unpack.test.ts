import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { Header } from 'tar'
import { UNPACK_LIMITS, unpackArtifact } from '../../../../../plugin/flux/artifact/unpack.js'

interface Entry {
  readonly path: string
  readonly content?: string
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO'
  readonly linkpath?: string
}

/** A tar archive as it is asked for, however hostile. */
function tarOf(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, content = '', type = 'File', linkpath }) => {
    const bytes = Buffer.from(content)
    const header = new Header({
      path,
      type,
      size: bytes.length,
      mode: 0o644,
      ...(linkpath === undefined ? {} : { linkpath }),
    })
    const block = Buffer.alloc(512)
    header.encode(block, 0)
    return [block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** All files below a directory with their contents. */
function filesIn(directory: string, prefix = ''): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(join(directory, prefix)).sort()) {
    const path = prefix === '' ? name : `${prefix}/${name}`
    if (statSync(join(directory, path)).isDirectory()) Object.assign(found, filesIn(directory, path))
    else found[path] = readFileSync(join(directory, path), 'utf8')
  }
  return found
}

t.test('what is in an archive comes out as it is', async t => {
  const entries: Entry[] = [
    { path: './', type: 'Directory' },
    { path: 'apps/', type: 'Directory' },
    { path: './apps/shop.yaml', content: 'kind: Shop\n' },
    { path: 'apps/deep/er/x.yaml', content: 'x'.repeat(70_000) },
    { path: 'apps/', type: 'Directory' },
    { path: 'empty.yaml' },
    { path: '..data/...', content: 'odd, but a name' },
  ]
  const wanted = {
    '..data/...': 'odd, but a name',
    'apps/deep/er/x.yaml': 'x'.repeat(70_000),
    'apps/shop.yaml': 'kind: Shop\n',
    'empty.yaml': '',
  }
  for (const [name, archive] of Object.entries({ plain: tarOf(entries), compressed: gzipSync(tarOf(entries)) })) {
    const directory = t.testdir()
    await unpackArtifact(inPieces(archive), directory)
    t.strictSame(filesIn(directory), wanted, name)
  }
})

const ONE = tarOf([{ path: 'a', content: 'a'.repeat(2000) }])

const refusals: Record<string, { archive: Buffer; says: string; limits?: Partial<typeof UNPACK_LIMITS> }> = {
  'a symbolic link': {
    archive: tarOf([{ path: 'link', type: 'SymbolicLink', linkpath: '/etc/passwd' }]),
    says: '"link" is a SymbolicLink; only files and directories may be in it',
  },
  'a hard link': {
    archive: tarOf([{ path: 'a' }, { path: 'link', type: 'Link', linkpath: 'a' }]),
    says: '"link" is a Link; only files and directories may be in it',
  },
  'a device': {
    archive: tarOf([{ path: 'null', type: 'CharacterDevice' }]),
    says: '"null" is a CharacterDevice; only files and directories may be in it',
  },
  'a pipe': {
    archive: tarOf([{ path: 'pipe', type: 'FIFO' }]),
    says: '"pipe" is a FIFO; only files and directories may be in it',
  },
  'a name that leads up': { archive: tarOf([{ path: '../a' }]), says: '"../a" is not a name inside of it' },
  'a name that leads up and back': {
    archive: tarOf([{ path: 'a/../b' }]),
    says: '"a/../b" is not a name inside of it',
  },
  'an absolute name': { archive: tarOf([{ path: '/etc/x' }]), says: '"/etc/x" is not a name inside of it' },
  'a directory that leads up': {
    archive: tarOf([{ path: '../', type: 'Directory' }]),
    says: '"../" is not a name inside of it',
  },
  'a file twice': { archive: tarOf([{ path: 'a' }, { path: './a' }]), says: '"./a" is there twice' },
  'a file in the place of a directory': {
    archive: tarOf([{ path: 'a', type: 'Directory' }, { path: 'a' }]),
    says: '"a" is there twice',
  },
  'a directory in the place of a file': {
    archive: tarOf([{ path: 'a' }, { path: 'a/', type: 'Directory' }]),
    says: '"a/" is there twice',
  },
  'a file below a file': {
    archive: tarOf([{ path: 'a' }, { path: 'a/b' }]),
    says: '"a/b" is in the place of another entry',
  },
  'a file above files': {
    archive: tarOf([{ path: 'a/b' }, { path: 'a' }]),
    says: '"a" is in the place of another entry',
  },
  'too deep': {
    archive: tarOf([{ path: 'a/'.repeat(64) + 'b' }]),
    says: `${JSON.stringify('a/'.repeat(64) + 'b')} is not a name inside of it`,
  },
  'too many entries': {
    archive: tarOf([{ path: 'a' }, { path: 'b' }, { path: 'c' }]),
    limits: { maxEntries: 2 },
    says: 'it has more than 2 entries',
  },
  'a file that is too large': {
    archive: tarOf([{ path: 'a', content: 'a'.repeat(1024 * 1024 + 1) }]),
    limits: { maxFileBytes: 1024 * 1024 },
    says: '"a" is larger than 1 MiB',
  },
  'files that are too large together': {
    archive: tarOf([
      { path: 'a', content: 'a'.repeat(600_000) },
      { path: 'b', content: 'b'.repeat(600_000) },
    ]),
    limits: { maxBytes: 1024 * 1024 },
    says: 'its files are larger than 1 MiB together',
  },
  'a bomb': {
    archive: gzipSync(tarOf([{ path: 'a', content: '0'.repeat(8 * 1024 * 1024) }])),
    limits: { maxFileBytes: 1024 * 1024 },
    says: '"a" is larger than 1 MiB',
  },
  'an archive that is too large': {
    archive: tarOf([{ path: 'a', content: 'a'.repeat(1024 * 1024) }]),
    limits: { maxArchiveBytes: 1024 * 1024 },
    says: 'it is larger than 1 MiB',
  },
  'nothing at all': { archive: Buffer.alloc(0), says: 'it is empty' },
}

for (const [name, { archive, says, limits = {} }] of Object.entries(refusals)) {
  t.test(`refuses ${name}`, async t => {
    const parent = t.testdir({ tree: {} })
    await t.rejects(unpackArtifact(inPieces(archive), join(parent, 'tree'), { ...UNPACK_LIMITS, ...limits }), {
      code: 'ARTIFACT_INVALID',
      message: `the artifact cannot be used: ${says}`,
    })
    t.strictSame(readdirSync(parent), ['tree'])
  })
}

const broken: Record<string, Buffer> = {
  'a tar that ends early': ONE.subarray(0, 1500),
  'a gzip that ends early': gzipSync(ONE).subarray(0, -12),
  'a gzip with a wrong checksum': Buffer.concat([gzipSync(ONE).subarray(0, -8), Buffer.alloc(8, 1)]),
  'a header with a wrong checksum': Buffer.concat([Buffer.from('b'), ONE.subarray(1)]),
  'a text': Buffer.from('not an archive at all, only a text that somebody wrote there '.repeat(20)),
}

for (const [name, archive] of Object.entries(broken)) {
  t.test(`refuses ${name}`, async t => {
    await t.rejects(unpackArtifact(inPieces(archive), t.testdir()), { code: 'ARTIFACT_INVALID' })
  })
}

t.test('what the archive fails with is thrown', async t => {
  const reset = new Error('connection reset')
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield ONE.subarray(0, 600)
    await Promise.resolve()
    throw reset
  }
  await t.rejects(unpackArtifact(failing(), t.testdir()), reset)
})

t.test('property: an archive cut or changed anywhere never leaves the directory and never half succeeds', async t => {
  const names = fc
    .array(fc.constantFrom('a', 'b', '..', '.', 'c'), { minLength: 1, maxLength: 4 })
    .map(each => each.join('/'))
  const entry = fc.record({ path: names, content: fc.string({ maxLength: 700 }) })
  let refusedCount = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 5 }),
      fc.nat(),
      fc.integer({ min: 1, max: 3000 }),
      async (entries, cut, piece) => {
        const whole = gzipSync(tarOf(entries))
        const archive = cut % 3 === 0 ? whole.subarray(0, cut % whole.length) : whole
        const parent = t.testdir({ tree: {} })
        const directory = join(parent, 'tree')
        try {
          await unpackArtifact(inPieces(archive, piece), directory)
        } catch (error) {
          refusedCount += 1
          t.equal((error as { code?: string }).code, 'ARTIFACT_INVALID')
          t.strictSame(readdirSync(parent), ['tree'])
          return
        }
        t.equal(gunzipSync(archive).equals(tarOf(entries)), true)
        const wanted = Object.fromEntries(entries.map(({ path, content }) => [path.replace(/^(\.\/)+/, ''), content]))
        t.strictSame(
          filesIn(directory),
          Object.fromEntries(Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1))),
        )
      },
    ),
    { numRuns: 60 },
  )
  t.ok(refusedCount > 0, `${refusedCount} were refused`)
})
