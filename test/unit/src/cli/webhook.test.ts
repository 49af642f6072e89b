import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { lockkeeper } from '../../../helpers/command.js'
import { CLI, ROOT } from '../../../helpers/repository.js'
import { createCertificateAuthority } from '../../../helpers/testbed/certificates.js'

t.test('what flags say together is checked before anything starts', t => {
  const cases: Record<string, { args: string[]; says: RegExp }> = {
    'a certificate without its key': { args: ['--tls-cert', 'a'], says: /--tls-cert and --tls-key go together/ },
    'an authority without a certificate': { args: ['--tls-ca', 'a'], says: /--tls-ca needs --tls-cert/ },
    'names without an authority': { args: ['--client-name', 'a'], says: /--client-name needs --client-ca/ },
    'every mistake at once': {
      args: ['--tls-ca', 'a', '--client-name', 'b', '--url', 'http://x'],
      says: /--tls-ca needs --tls-cert[^]*--client-name needs --client-ca[^]*--url: http:\/\/x is no URL with https:/,
    },
    'a port that is none': { args: ['--port', '70000'], says: /It must be a whole number from 0 to 65535/ },
    'a policy that is none': { args: ['--failure-policy', 'Open'], says: /Allowed choices are Fail, Ignore/ },
    'no cluster': { args: ['--probe-port', '0', '--address', '127.0.0.1'], says: /no cluster to talk to/ },
    'a bundle that is not there': {
      args: ['--standalone', '--port', '0', '--bundle', '/nowhere', '--insecure-unsigned'],
      says: /\(BUNDLE_INVALID\)|\(BUNDLE_UNREADABLE\)/,
    },
    'a bundle without a signature': {
      args: ['--standalone', '--port', '0', '--bundle', join(ROOT, 'policies/bundle')],
      says: /not signed/,
    },
    'a client authority that is not there': {
      args: ['--standalone', '--port', '0', '--client-ca', '/nowhere'],
      says: /\(FILE_UNREADABLE\)/,
    },
  }
  for (const [name, { args, says }] of Object.entries(cases)) {
    const { status, stderr, stdout } = lockkeeper(['webhook', ...args])
    t.equal(status, 2, name)
    t.match(stderr, says, name)
    t.equal(stdout, '', name)
  }
  t.end()
})

t.test('the files of an API server are written where they will be looked for', t => {
  const directory = t.testdir({ 'ca.crt': createCertificateAuthority().certificate })
  const out = join(directory, 'api-server')
  const args = ['--directory', out, '--url', 'https://10.0.0.5:8443', '--ca', join(directory, 'ca.crt')]
  const identity = ['--client-cert', '/pki/webhook.crt', '--client-key', '/pki/webhook.key']
  const { status, stdout } = lockkeeper(['webhook', 'static-files', ...args, ...identity])
  const read = (name: string): unknown => JSON.parse(readFileSync(join(out, name), 'utf8'))
  t.strictSame(
    [status, stdout],
    [0, `start kube-apiserver with --admission-control-config-file=${out}/admission.json\n`],
  )
  t.match(read('admission.json'), {
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'ValidatingAdmissionWebhook',
        configuration: { staticManifestsDir: join(out, 'static'), kubeConfigFile: join(out, 'webhooks.kubeconfig') },
      },
    ],
  })
  t.match(read('static/lockkeeper.json'), {
    metadata: { name: 'lockkeeper.static.k8s.io' },
    webhooks: [{ failurePolicy: 'Fail', clientConfig: { url: 'https://10.0.0.5:8443/validate' } }],
  })
  t.match(read('webhooks.kubeconfig'), {
    users: [{ name: '10.0.0.5:8443', user: { 'client-key': '/pki/webhook.key' } }],
  })
  const half = lockkeeper(['webhook', 'static-files', ...args, '--client-cert', 'a'])
  t.strictSame([half.status, half.stdout], [2, ''])
  t.match(half.stderr, /--client-cert and --client-key go together/)
  t.end()
})

interface Reply {
  readonly status: number
  readonly text: string
}

function ask(url: URL, ca: string, body?: Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const outgoing = request(
      url,
      { method: body === undefined ? 'GET' : 'POST', ca, agent: false, headers },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, text })
        })
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

t.test('alone it needs no cluster, says where it listens, and ends when it is told to', async t => {
  const child = spawn(process.execPath, [CLI, 'webhook', '--standalone', '--port', '0', '--workers', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const logged: string[] = []
  createInterface({ input: child.stderr }).on('line', line => logged.push(line))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const address = String((await lines.next()).value)
  const file = String((await lines.next()).value).replace('CA file: ', '')
  t.match(address, /^https:\/\/localhost:\d+\/validate$/)
  const ca = readFileSync(file, 'utf8')
  const at = (path: string): URL => new URL(path, address)
  t.strictSame(await ask(at('/readyz'), ca), { status: 200, text: 'ok\n' })
  t.match((await ask(at('/metrics'), ca)).text, /^lockkeeper_bundle_info\{digest="sha256:/m)
  const review = readFileSync(join(ROOT, 'test/fixtures/admission-reviews/user-pod-create.json'))
  const { status, text } = await ask(at('/validate?timeout=10s'), ca, review)
  t.equal(status, 200)
  t.match(JSON.parse(text), { kind: 'AdmissionReview', response: { allowed: true } })
  t.match(JSON.parse(logged[0] ?? ''), { level: 'info', message: 'no bundle is named: the built-in one judges' })
  child.kill('SIGTERM')
  t.strictSame(await ended, [0, null])
  t.throws(() => readFileSync(file), { code: 'ENOENT' }, 'its file is gone')
})
