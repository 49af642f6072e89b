import { execFileSync } from 'node:child_process'
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { request, Agent } from 'node:https'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { connect, createServer, type ConnectionOptions, TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { createAuthority, isIssuedBy, isOwnAuthority, issueLeaf } from '../../../../src/io/certificates/authority.js'
import { callerOf, checkCaller, type CallerCheck } from '../../../../webhook/certificates/client-check.js'
import { servedHosts } from '../../../../src/io/certificates/hosts.js'
import { secureContextOf } from '../../../../src/io/certificates/material.js'
import { signCertificate } from '../../../../src/io/certificates/signed-certificate.js'
import { createStandaloneCertificate, writeAuthorityFile } from '../../../../webhook/certificates/standalone.js'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-07-01T12:00:00.500Z')
const HOSTS = servedHosts({ service: 'gate', namespace: 'lk', url: 'https://[::1]:8443/validate' })

async function portOf(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Connects once; gives the certificate's serial number, or the error's code. */
async function handshake(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().serialNumber
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'no code'
  } finally {
    socket.destroy()
  }
}

t.test('the names that the API server may call', t => {
  const names = ['gate.lk.svc', 'gate.lk.svc.cluster.local', 'gate.lk']
  const of = (url?: string) => servedHosts({ service: 'gate', namespace: 'lk', ...(url !== undefined && { url }) })
  t.strictSame(of(), names)
  t.strictSame(of('https://gate.example:8443/validate'), [...names, 'gate.example'])
  t.strictSame(of('https://127.0.0.1:8443/'), [...names, '127.0.0.1'])
  t.strictSame(of('https://[::1]:8443/'), [...names, '::1'])
  t.strictSame(of('https://gate.lk.svc/'), names)
  t.end()
})

t.test('an authority and a leaf by it', t => {
  const pem = createAuthority(NOW)
  const authority = new X509Certificate(pem.cert)
  const leafPem = issueLeaf(pem, HOSTS, NOW)
  const leaf = new X509Certificate(leafPem.cert)
  t.match(authority.subject, /^CN=lockkeeper CA 2026-07-01 [0-9a-f]{8}$/)
  t.ok(isOwnAuthority(authority))
  t.equal(authority.validFrom, 'Jul  1 11:00:00 2026 GMT')
  t.equal(authority.validTo, 'Jul  1 12:00:00 2027 GMT')
  t.equal(leaf.validFrom, 'Jul  1 11:00:00 2026 GMT')
  t.equal(leaf.validTo, 'Sep 29 12:00:00 2026 GMT')
  t.ok(isIssuedBy(leaf, authority))
  t.notOk(isIssuedBy(leaf, new X509Certificate(createAuthority(NOW).cert)))
  t.notOk(leaf.ca)
  t.notOk(isOwnAuthority(leaf))
  t.ok(leaf.checkPrivateKey(createPrivateKey(leafPem.key)))
  for (const host of ['gate.lk.svc', 'gate.lk.svc.cluster.local', 'gate.lk']) t.equal(leaf.checkHost(host), host)
  t.equal(leaf.checkHost('other.lk.svc'), undefined)
  t.equal(leaf.checkIP('::1'), '::1')
  t.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.not(new X509Certificate(createAuthority(NOW).cert).subject, authority.subject, 'each has a name of its own')
  t.end()
})

t.test('keys are identified by their SHA-256', t => {
  const pem = createAuthority(NOW)
  const [authority, leaf] = [pem, issueLeaf(pem, HOSTS, NOW)].map(each => new X509Certificate(each.cert))
  /** Of the uncompressed point, in an OCTET STRING or the first member of the other extension. */
  const identifierOf = (certificate: X509Certificate | undefined) => {
    const point = certificate?.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65) ?? Buffer.alloc(0)
    return createHash('sha256').update(point).digest('hex').slice(0, 40)
  }
  const has = (certificate: X509Certificate | undefined, text: string) =>
    certificate?.raw.toString('hex').includes(text) ?? false
  t.ok(has(authority, `0414${identifierOf(authority)}`))
  t.ok(has(authority, `8014${identifierOf(authority)}`))
  t.ok(has(leaf, `0414${identifierOf(leaf)}`))
  t.ok(has(leaf, `8014${identifierOf(authority)}`))
  t.end()
})

t.test('a leaf ends with its authority at the latest, and begins with it at the earliest', t => {
  const authority = createAuthority(NOW)
  const late = new X509Certificate(issueLeaf(authority, HOSTS, NOW + 300 * DAY_MS).cert)
  t.equal(late.validTo, new X509Certificate(authority.cert).validTo)
  const early = new X509Certificate(issueLeaf(authority, HOSTS, NOW - DAY_MS).cert)
  t.equal(early.validFrom, new X509Certificate(authority.cert).validFrom)
  t.end()
})

t.test('whatever the key is, the certificate is right, and its serial number positive and short', t => {
  const authority = createAuthority(NOW)
  const issuer = new X509Certificate(authority.cert)
  const serials = new Set<string>()
  for (let i = 0; i < 300; i += 1) {
    const { cert, key } = issueLeaf(authority, HOSTS, NOW)
    const leaf = new X509Certificate(cert)
    if (!isIssuedBy(leaf, issuer) || !leaf.checkPrivateKey(createPrivateKey(key))) t.fail(`certificate ${i}:\n${cert}`)
    serials.add(leaf.serialNumber)
  }
  t.equal(serials.size, 300)
  t.strictSame(
    [...serials].filter(each => !/^0?[1-7][0-9A-F]{30,38}$/.test(each)),
    [],
  )
  t.end()
})

const openssl = (() => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' })
  } catch {
    return null
  }
})()

t.test('OpenSSL agrees', { skip: openssl === null && 'there is no openssl program' }, t => {
  const authority = createAuthority(NOW)
  const leaf = issueLeaf(authority, HOSTS, NOW)
  const directory = t.testdir({ 'ca.crt': authority.cert, 'tls.crt': leaf.cert })
  const run = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, encoding: 'utf8' })
  const time = ['-attime', String(Math.floor(NOW / 1000))]
  t.equal(
    run('verify', ...time, '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.crt', 'tls.crt'),
    'tls.crt: OK\n',
  )
  const extensions = (file: string) => {
    const text = run('x509', '-in', file, '-noout', '-text')
    return text
      .slice(text.indexOf('X509v3 extensions:'), text.indexOf('    Signature Algorithm', text.indexOf('extensions:')))
      .replaceAll(/([0-9A-F]{2}:){19}[0-9A-F]{2}/g, '<id>')
      .split('\n')
      .slice(1)
      .map(line => line.trim())
      .filter(line => line !== '')
  }
  t.strictSame(extensions('ca.crt'), [
    'X509v3 Basic Constraints: critical',
    'CA:TRUE, pathlen:0',
    'X509v3 Key Usage: critical',
    'Certificate Sign, CRL Sign',
    'X509v3 Subject Key Identifier:',
    '<id>',
    'X509v3 Authority Key Identifier:',
    '<id>',
  ])
  t.strictSame(extensions('tls.crt'), [
    'X509v3 Basic Constraints: critical',
    'CA:FALSE',
    'X509v3 Key Usage: critical',
    'Digital Signature',
    'X509v3 Extended Key Usage:',
    'TLS Web Server Authentication',
    'X509v3 Subject Key Identifier:',
    '<id>',
    'X509v3 Authority Key Identifier:',
    '<id>',
    'X509v3 Subject Alternative Name:',
    'DNS:gate.lk.svc, DNS:gate.lk.svc.cluster.local, DNS:gate.lk, IP Address:0:0:0:0:0:0:0:1',
  ])
  t.end()
})

t.test('a standalone certificate, in a real handshake', async t => {
  const material = createStandaloneCertificate(['localhost', '127.0.0.1'], Date.now())
  const file = await writeAuthorityFile(material)
  const port = await portOf(t, createServer(secureContextOf(material)))
  const ca = readFileSync(file.path)
  const serial = new X509Certificate(material.cert).serialNumber
  t.equal(await handshake(port, { ca, servername: 'localhost' }), serial)
  t.equal(await handshake(port, { ca, servername: 'elsewhere' }), 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.equal(await handshake(port, { servername: 'localhost' }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  t.equal(
    await handshake(port, { ca: createAuthority(Date.now()).cert, servername: 'localhost' }),
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  )
  t.equal(statSync(file.path).mode & 0o777, 0o644)
  t.equal(statSync(join(file.path, '..')).mode & 0o777, 0o755)
  await file.remove()
  t.throws(() => statSync(join(file.path, '..')), { code: 'ENOENT' })
})

t.test('another certificate takes the place of the first while a connection is kept', async t => {
  const before = createStandaloneCertificate(['localhost'], Date.now())
  const after = createStandaloneCertificate(['localhost'], Date.now())
  const server = createHttpsServer(secureContextOf(before), (_, response) => response.end('served'))
  const port = await portOf(t, server)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => {
    agent.destroy()
  })
  const ask = (ca: string) =>
    new Promise<string>((resolve, reject) => {
      const options = { port, host: '127.0.0.1', servername: 'localhost', ca: [before.caBundle, after.caBundle] }
      const outgoing = request({ ...options, ...(ca === '' ? { agent } : { agent: false, ca }) }, response => {
        const { socket } = response
        if (!(socket instanceof TLSSocket)) throw new Error('the server answered without TLS')
        response.resume().once('end', () => {
          resolve(`${socket.localPort} ${socket.getPeerCertificate().serialNumber}`)
        })
      })
      outgoing.once('error', reject).end()
    })
  const first = await ask('')
  server.setSecureContext(secureContextOf(after))
  t.equal(await ask(''), first, 'the kept connection goes on')
  t.match(await ask(after.caBundle), new X509Certificate(after.cert).serialNumber)
  await t.rejects(ask(before.caBundle), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
})

/** A client certificate by an authority. */
function clientOf(authority: { cert: string; key: string }, commonName: string, notAfter = Date.now() + DAY_MS) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cert = signCertificate(
    {
      subject: { commonName },
      publicKey,
      issuer: { commonName: new X509Certificate(authority.cert).subject.slice(3) },
      notBefore: new Date(notAfter - 2 * DAY_MS),
      notAfter: new Date(notAfter),
      usages: ['clientAuth'],
    },
    createPrivateKey(authority.key),
  )
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

t.test('who may call', async t => {
  const material = createStandaloneCertificate(['localhost'], Date.now())
  const authority = createAuthority(Date.now())
  const apiServer = clientOf(authority, 'kube-apiserver')
  const name = 'kube-apiserver'
  const none: CallerCheck = { allowed: false, reason: 'no client certificate was shown' }
  const refusedFor = (code: string): CallerCheck => ({
    allowed: false,
    reason: `the client certificate is not accepted: ${code}`,
  })
  const cases: Record<string, { client: object; names?: string[]; later?: number; is: CallerCheck }> = {
    'the right one': { client: apiServer, is: { allowed: true, name } },
    'anybody of the authority where no names are given': {
      client: clientOf(authority, 'other'),
      names: [],
      is: { allowed: true, name: 'other' },
    },
    'not without a certificate': { client: {}, is: none },
    'not without a certificate where no names are given': { client: {}, names: [], is: none },
    'not with a certificate of another authority': {
      client: clientOf(createAuthority(Date.now()), name),
      is: refusedFor('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    },
    'not with another name': {
      client: clientOf(authority, 'kube-apiserver2'),
      is: {
        allowed: false,
        reason: 'the common name of the client certificate is not among those that may call',
      },
    },
    'not with an expired certificate': {
      client: clientOf(authority, name, Date.now() - 1000),
      is: refusedFor('CERT_HAS_EXPIRED'),
    },
    'not with a certificate that expires while the connection is kept': {
      client: apiServer,
      later: 2 * DAY_MS,
      is: { allowed: false, reason: 'the client certificate is not valid at this time' },
    },
    'not with the certificate of a server': {
      client: issueLeaf(authority, ['localhost'], Date.now()),
      names: [],
      is: refusedFor('INVALID_PURPOSE'),
    },
  }
  for (const [title, { client, names = [name], later = 0, is }] of Object.entries(cases)) {
    await t.test(title, async t => {
      const checks: CallerCheck[] = []
      const sessions: Buffer[] = []
      const resumed: boolean[] = []
      const options = { ...secureContextOf(material, authority.cert), requestCert: true, rejectUnauthorized: false }
      const server = createServer(options, socket => {
        checks.push(checkCaller(callerOf(socket), { names, now: Date.now() + later }))
        resumed.push(socket.isSessionReused())
        socket.end('x')
      })
      const port = await portOf(t, server)
      // The second connection resumes the session of the first.
      for (let i = 0; i < 2; i += 1) {
        const session = sessions[0]
        const socket = connect({
          port,
          host: '127.0.0.1',
          servername: 'localhost',
          ca: material.caBundle,
          ...client,
          ...(session && { session }),
        })
        socket.on('session', each => sessions.push(each))
        socket.resume()
        await once(socket, 'close')
      }
      t.strictSame(checks, [is, is])
      t.strictSame(resumed, [false, true])
    })
  }
})
