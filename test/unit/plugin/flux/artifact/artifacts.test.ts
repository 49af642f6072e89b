import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { list } from 'tar'
import t, { type Test } from 'tap'
import { cutTree } from '../../../../../plugin/flux/artifact/cut.js'
import { fetchArtifact } from '../../../../../plugin/flux/artifact/fetch.js'
import { packTree } from '../../../../../plugin/flux/artifact/pack.js'
import { startArtifactServer } from '../../../../../plugin/flux/artifact/server.js'
import { unpackArtifact } from '../../../../../plugin/flux/artifact/unpack.js'
import { filesIn } from '../../../../helpers/files-in.js'

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

function write(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return directory
}

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a packed tree', async t => {
  const long = `${'folder/'.repeat(30)}a-name-that-is-too-long-for-a-plain-header.yaml`
  const files = {
    'b.yaml': 'b',
    'a/c.yaml': 'c',
    'a/ü.yaml': 'ü',
    [long]: 'long',
    'empty.yaml': '',
    'z/block': 'x'.repeat(512),
  }
  const one = write(t.testdir({ one: {}, two: {} }) + '/one', files)
  const two = join(dirname(one), 'two')
  // Written in another order, at another time, with other rights.
  write(two, Object.fromEntries(Object.entries(files).reverse()))
  utimesSync(join(two, 'b.yaml'), 1000, 1000)
  mkdirSync(join(one, 'nothing'))
  mkdirSync(join(two, 'nothing'), { mode: 0o700 })
  const [first, second, other] = ['first', 'second', 'other'].map(name => join(dirname(one), name)) as [
    string,
    string,
    string,
  ]
  await packTree(one, first)
  await packTree(two, second)
  t.equal(sha256(readFileSync(first)), sha256(readFileSync(second)), 'the same tree gives the same bytes')
  writeFileSync(join(two, 'b.yaml'), 'B')
  await packTree(two, other)
  t.not(sha256(readFileSync(first)), sha256(readFileSync(other)), 'another tree gives others')

  const order: string[] = []
  list({ file: first, sync: true, onReadEntry: entry => order.push(entry.path.replace(/\/$/, '')) })
  const bySegment = (path: string) => path.split('/').map(each => Buffer.from(each).toString('hex'))
  t.strictSame(
    order,
    [...order].sort((a, b) => (bySegment(a).join(' ') < bySegment(b).join(' ') ? -1 : 1)),
    'names are in order, whatever the file system says',
  )

  const unpacked = join(dirname(one), 'unpacked')
  mkdirSync(unpacked)
  await unpackArtifact([readFileSync(first)] as unknown as AsyncIterable<Uint8Array>, unpacked)
  t.strictSame(filesIn(unpacked), files, 'what was packed comes out again')
  t.ok(statSync(join(unpacked, 'nothing')).isDirectory(), 'an empty folder, too')

  symlinkSync('/etc/passwd', join(one, 'link'))
  await t.rejects(packTree(one, join(dirname(one), 'third')), { code: 'ARTIFACT_INVALID' })
})

t.test('a tree is cut to paths', async t => {
  const files = { 'a/b/c.yaml': '1', 'a/bb.yaml': '2', 'a/b.yaml': '3', 'other/x.yaml': '4', 'top.yaml': '5' }
  const cases = {
    'to none: everything stays': {
      paths: [],
      left: ['a/b.yaml', 'a/b/c.yaml', 'a/bb.yaml', 'other/x.yaml', 'top.yaml'],
    },
    'to the root: everything stays': {
      paths: ['./'],
      left: ['a/b.yaml', 'a/b/c.yaml', 'a/bb.yaml', 'other/x.yaml', 'top.yaml'],
    },
    'to a folder, not to names that begin alike': { paths: ['./a/b/'], left: ['a/b/c.yaml'] },
    'to a file and a folder': { paths: ['top.yaml', 'other'], left: ['other/x.yaml', 'top.yaml'] },
    'to what is not there': { paths: ['nothing'], left: [] },
  }
  for (const [name, { paths, left }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const directory = write(t.testdir(), files)
      await cutTree(directory, paths)
      t.strictSame(Object.keys(filesIn(directory)).sort(), left)
    })
  }
})

t.test('fetching', async t => {
  const body = Buffer.from('an archive')
  const digest = `sha256:${sha256(body)}`
  const sha512 = `sha512:${createHash('sha512').update(body).digest('hex')}`
  let asked = 0
  const whole: RequestListener = (_request, response) => response.end(body)
  const cases: Record<
    string,
    {
      answer?: RequestListener
      digest?: string
      url?: string
      maxBytes?: number
      error?: { code: string; message?: RegExp }
    }
  > = {
    'what has its digest': {},
    'what has a longer digest': { digest: sha512 },
    'what has another digest': {
      digest: `sha256:${'0'.repeat(64)}`,
      error: { code: 'ARTIFACT_INVALID', message: /has the digest sha256:[0-9a-f]{64}, not sha256:0000/ },
    },
    'what has a digest of another kind': {
      digest: 'blake3:00',
      error: { code: 'ARTIFACT_INVALID', message: /of no kind that is known/ },
    },
    'what is cut short': {
      answer: (_request, response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write(body, () => response.destroy())
      },
      error: { code: 'ARTIFACT_UNREADABLE' },
    },
    'what is cut short without a length': {
      answer: (_request, response) => response.end(body.subarray(0, 5)),
      error: { code: 'ARTIFACT_INVALID' },
    },
    'what is too large': { maxBytes: 9, error: { code: 'ARTIFACT_INVALID', message: /more than 9 bytes/ } },
    'what is exactly as large as allowed': { maxBytes: body.length },
    'what is elsewhere': {
      answer: (request, response) => {
        asked += 1
        if (request.url === '/elsewhere') response.end(body)
        else response.writeHead(302, { location: '/elsewhere' }).end()
      },
      error: { code: 'ARTIFACT_UNREADABLE', message: /HTTP 302 .*redirects are not followed/ },
    },
    'what is not there': {
      answer: (_request, response) => response.writeHead(404).end(),
      error: { code: 'ARTIFACT_UNREADABLE', message: /HTTP 404/ },
    },
    'from a file': {
      url: 'file:///etc/passwd',
      error: { code: 'ARTIFACT_INVALID', message: /no URL that can be fetched/ },
    },
  }
  for (const [name, { answer = whole, digest: of = digest, url, maxBytes, error }] of Object.entries(cases)) {
    await t.test(name, async t => {
      const file = join(t.testdir(), 'file')
      const place = url ?? `${await serve(t, answer)}/x.tar.gz`
      const fetched = fetchArtifact(
        { url: place, digest: of, revision: 'main', metadata: {} },
        { file, signal: new AbortController().signal, ...(maxBytes !== undefined && { maxBytes }) },
      )
      if (error !== undefined) await t.rejects(fetched, error)
      else {
        await fetched
        t.strictSame(readFileSync(file), body)
      }
    })
  }
  t.equal(asked, 1, 'a redirect was not followed')

  await t.test('what never ends is given up', async t => {
    const url = await serve(t, (_request, response) => void response.write('x'))
    const options = { file: join(t.testdir(), 'file'), signal: new AbortController().signal, timeoutMs: 50 }
    await t.rejects(fetchArtifact({ url, digest, revision: '', metadata: {} }, options), {
      code: 'ARTIFACT_UNREADABLE',
      message: /not within 0.05 s/,
    })
  })
})

t.test('the artifact server', async t => {
  const directory = t.testdir({ good: 'good', bad: 'tampered with', secret: 'secret' })
  const [good, bad, gone] = [sha256('good'), sha256('bad'), sha256('gone')]
  const known = new Map([
    [`shop/web/sha256:${good}`, 'good'],
    [`shop/web/sha256:${bad}`, 'bad'],
    [`shop/web/sha256:${gone}`, 'gone'],
  ])
  const corrupt: string[] = []
  const statuses: number[] = []
  let leads = true
  const key = ({ namespace, name }: { namespace: string; name: string }, digest: string) =>
    `${namespace}/${name}/${digest}`
  const store = {
    current: () => null,
    hasFile: (gate: { namespace: string; name: string }, digest: string) => known.has(key(gate, digest)),
    fileOf: (gate: { namespace: string; name: string }, digest: string) =>
      join(directory, known.get(key(gate, digest)) ?? ''),
  }
  const server = await startArtifactServer({
    address: '127.0.0.1',
    port: 0,
    store: () => (leads ? store : null),
    onServed: status => statuses.push(status),
    onCorrupt: (_gate, digest) => corrupt.push(digest),
  })
  t.teardown(() => server.close())
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    return { status: response.status, text: await response.text() }
  }
  const path = `/shop/web/${good}.tar.gz`
  t.strictSame(await ask(path), { status: 200, text: 'good' })
  t.strictSame(await ask(path, 'HEAD'), { status: 200, text: '' })
  for (const method of ['POST', 'PUT', 'DELETE']) t.equal((await ask(path, method)).status, 405, method)
  for (const other of [
    '/',
    '/shop/web/',
    `/shop/other/${good}.tar.gz`,
    `/shop/web/${good}`,
    `${path}?x=1`,
    `/shop/web/..%2f..%2fsecret`,
    '/shop/web/allowed.json',
    `//shop/web/${good}.tar.gz`,
  ]) {
    t.strictSame(await ask(other), { status: 404, text: 'there is no such artifact\n' }, other)
  }
  t.strictSame(corrupt, [])
  await ask(`/shop/web/${bad}.tar.gz`)
  await t.rejects(ask(`/shop/web/${gone}.tar.gz`))
  t.strictSame(corrupt, [`sha256:${bad}`, `sha256:${gone}`], 'what is not what it was is told')
  leads = false
  t.equal((await ask(path)).status, 503, 'a replica that does not lead serves nothing')
  t.strictSame([...new Set(statuses)].sort(), [200, 404, 405, 500, 503])
})
