import t, { type Test } from 'tap'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseBundle } from '../../../src/gate.js'
import { packBundle } from '../../../src/io/bundle-archive.js'
import { loadBundleFiles } from '../../../src/io/bundle-source.js'
import { createBundleApp, type BundleServerOptions } from '../../../webhook/bundle-server.js'
import { startServer } from '../../../webhook/server.js'
import { fixtureBundle } from '../../helpers/bundles.js'
import { SILENT } from '../../helpers/webhook-server.js'
import { createCertificateAuthority } from '../../helpers/testbed/certificates.js'
import { get } from 'node:https'

const files = await fixtureBundle('mixed')
const { digest } = parseBundle(files, { allowUnsigned: true }).reference

interface Reply {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: Buffer
}

async function start(test: Test, change: Partial<BundleServerOptions> = {}) {
  const authority = createCertificateAuthority()
  const server = await startServer({
    address: '127.0.0.1',
    port: 0,
    certificate: authority.issue({ commonName: 'webhook', hosts: ['127.0.0.1'] }),
    app: createBundleApp({
      bundle: () => ({ files, digest }),
      ownerOf: token => Promise.resolve(token === 'good' ? { username: 'argocd', groups: [] } : null),
      pack: packBundle,
      log: SILENT,
      ...change,
    }),
  })
  test.teardown(() => server.close(0))
  return (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: server.port, path, headers, ca: authority.certificate, agent: false }
      get(options, response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
        })
      }).once('error', reject)
    })
}

t.test('a bundle that was given out is the same bundle', async t => {
  const ask = await start(t)
  const { status, headers, body } = await ask('/bundle', { authorization: 'Bearer good' })
  t.strictSame([status, headers.etag, headers['content-type']], [200, `"${digest}"`, 'application/gzip'])
  const path = join(t.testdir(), 'bundle.tar.gz')
  await writeFile(path, body)
  t.equal(parseBundle(await loadBundleFiles(path), { allowUnsigned: true }).reference.digest, digest)
  t.strictSame(packBundle(files), body, 'the same files give the same bytes')
  const again = await ask('/bundle', { authorization: 'Bearer good', 'if-none-match': `"${digest}"` })
  t.strictSame([again.status, again.body.length], [304, 0])
})

t.test('nobody else gets it', async t => {
  const ask = await start(t)
  for (const authorization of ['', 'Bearer bad', 'Basic good', 'Bearer ', 'Bearer good good']) {
    const { status, body } = await ask('/bundle', authorization === '' ? {} : { authorization })
    t.strictSame([status, body.toString()], [401, 'show a token for the audience lockkeeper-bundle\n'], authorization)
  }
  t.equal((await ask('/', { authorization: 'Bearer good' })).status, 404)
})

t.test('what cannot be answered now says so', async t => {
  const without = await start(t, { bundle: () => null })
  t.equal((await without('/bundle', { authorization: 'Bearer good' })).status, 503)
  const away = await start(t, { ownerOf: () => Promise.reject(new Error('the API server is away')) })
  const { status, body } = await away('/bundle', { authorization: 'Bearer good' })
  t.strictSame([status, body.toString()], [503, 'try again\n'])
})
