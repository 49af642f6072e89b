import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCallerCheck } from '../../controller/api/caller.js'
import { createListener, type ListenerOptions } from '../../controller/api/listener.js'
import { createRoutes, type RouteParts } from '../../controller/api/routes.js'
import { startApiServer } from '../../controller/api/server.js'
import type { TokenOwner } from '../../src/io/cluster/token-review.js'
import { createCertificateFiles } from '../../src/io/certificates/certificate-files.js'
import { createControllerClient } from '../../src/io/controller-client.js'
import { FakeClock } from './fake-clock.js'
import { silentLog } from './silent-log.js'
import { createCertificateAuthority } from './testbed/certificates.js'

export const CALLER = 'system:serviceaccount:argocd:argocd-repo-server'

const OWNERS: Readonly<Record<string, TokenOwner>> = {
  good: { username: CALLER, groups: [] },
  other: { username: 'system:serviceaccount:shop:default', groups: [] },
}

/** What is needed of a tap test. */
interface Test {
  testdir(content?: Record<string, string>): string
  teardown(close: () => Promise<void>): void
}

/** The API of the controller over HTTPS with two tokens that are known, `good` and `other`, and a client with the first. */
export async function startTestApi(
  t: Test,
  parts: Partial<RouteParts> = {},
  limits: Partial<Pick<ListenerOptions, 'maxRequests' | 'timeoutMs'>> & { readonly clientTimeoutMs?: number } = {},
) {
  const { clientTimeoutMs, ...listenerLimits } = limits
  const authority = createCertificateAuthority()
  const { cert, key } = authority.issue({ commonName: 'controller', hosts: ['127.0.0.1'] })
  const directory = t.testdir({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.certificate, token: 'good\n' })
  const file = (name: string) => join(directory, name)
  const log: string[] = []
  const answered: string[] = []
  const counted: object[] = []
  const clock = new FakeClock()
  const review = (token: string) =>
    token === 'broken' ? Promise.reject(new Error('nobody answers')) : Promise.resolve(OWNERS[token] ?? null)
  const count = (counts: object) => {
    counted.push(counts)
  }
  const listener = createListener({
    routes: createRoutes({
      live: () => Promise.resolve({ objects: new Map(), pruned: [], namespaces: new Map() }),
      records: null,
      onAppended: count,
      onLive: count,
      ...parts,
    }),
    callerOf: createCallerCheck(review, [CALLER]),
    onAnswered: (route, status) => answered.push(`${route} ${status}`),
    clock,
    log: silentLog(log),
    ...listenerLimits,
  })
  const ending = new AbortController()
  const certificates = await createCertificateFiles({
    certFile: file('tls.crt'),
    keyFile: file('tls.key'),
    clock,
    log: silentLog(log),
    signal: ending.signal,
    onChange: material => {
      server.use(material)
    },
  })
  const server = await startApiServer({ address: '127.0.0.1', port: 0, material: certificates.current(), listener })
  const client = createControllerClient({
    url: new URL(`https://127.0.0.1:${server.port}`),
    caFile: file('ca.crt'),
    tokenFile: file('token'),
    ...(clientTimeoutMs !== undefined && { timeoutMs: clientTimeoutMs }),
  })
  t.teardown(async () => {
    ending.abort()
    client.close()
    await server.close()
  })
  return {
    client,
    server,
    port: server.port,
    ca: authority.certificate,
    file,
    log,
    answered,
    counted,
    clock,
    setToken: (token: string) => {
      writeFileSync(file('token'), token)
    },
    /** Another authority and a certificate of it, as when both are renewed. */
    renew: () => {
      const next = createCertificateAuthority()
      const issued = next.issue({ commonName: 'controller', hosts: ['127.0.0.1'] })
      writeFileSync(file('tls.crt'), issued.cert)
      writeFileSync(file('tls.key'), issued.key)
      return next.certificate
    },
  }
}
