import type { Certificate } from './certificates.js'

/** Somebody who talks to the API server: with a token, with a certificate, or with neither. */
export interface User {
  readonly name: string
  readonly groups?: readonly string[]
  readonly token?: string
  readonly certificate?: Certificate
}

/** May do everything. */
export const ADMIN: User = { name: 'admin', groups: ['system:masters'], token: 'token-of-admin' }

/** A developer: may do nothing but where a namespace made her its editor. */
export const ALICE: User = { name: 'alice', groups: ['developers'], token: 'token-of-alice' }

/** A second developer, in another group. */
export const BOB: User = { name: 'bob', groups: ['operators'], token: 'token-of-bob' }

/** Sends no credentials. */
export const ANONYMOUS: User = { name: 'system:anonymous' }

/** Content of `--token-auth-file`; users without a token are left out. */
export function tokenFile(users: readonly User[]): string {
  return users
    .filter(user => user.token !== undefined)
    .map(({ name, groups = [], token }) => `${token ?? ''},${name},uid-of-${name},"${groups.join(',')}"\n`)
    .join('')
}

/** A kubeconfig with one user and one cluster; JSON, which is YAML too. */
export function kubeconfigText(user: User, cluster: { url: string; ca: string }): string {
  const { token, certificate } = user
  const credentials = {
    ...(token !== undefined && { token }),
    ...(certificate !== undefined && {
      'client-certificate-data': base64(certificate.cert),
      'client-key-data': base64(certificate.key),
    }),
  }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bed', cluster: { server: cluster.url, 'certificate-authority-data': base64(cluster.ca) } }],
    users: [{ name: user.name, user: credentials }],
    contexts: [{ name: 'bed', context: { cluster: 'bed', user: user.name } }],
    'current-context': 'bed',
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
