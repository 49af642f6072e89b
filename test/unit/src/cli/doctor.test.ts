import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockkeeper } from '../../../helpers/command.js'
import { freePort } from '../../../helpers/testbed/ports.js'

// Every case starts the program, which takes long where other tests run beside it.
t.setTimeout(180_000)

t.test('without a cluster it looks at what is installed here', t => {
  const { status, stdout, stderr } = lockkeeper(['doctor'], { env: { PATH: '' } })
  t.equal(status, 0)
  t.equal(stderr, '')
  t.match(stdout, /^This installation\n {2}i Not on PATH: kustomize, helm {2}\[installation\.programs\]\n/)
  t.match(stdout, /\n {2}✓ The bundle built-in can judge: \d+ policies {2}\[installation\.bundle\]\n/)
  t.match(
    stdout,
    /\n0 errors, 0 warnings, 1 note, 2 fine\nWhat the gate of a cluster covers, and what not: lockkeeper doctor --cluster\n$/,
  )
  t.end()
})

t.test('a bundle that cannot judge is an error that was found', t => {
  const { status, stdout } = lockkeeper(['doctor', '--bundle', '/nowhere', '--format', 'json'])
  t.equal(status, 1)
  const { summary, findings } = JSON.parse(stdout) as { summary: object; findings: { id: string; level: string }[] }
  t.match(summary, { error: 1 })
  t.match(findings[0], { id: 'installation.bundle', level: 'error', detail: /\(BUNDLE_UNREADABLE\)$/ })
  t.end()
})

t.test('flags that make no sense together are refused', t => {
  const alone = lockkeeper(['doctor', '--context', 'prod', '-n', 'gates'])
  t.equal(alone.status, 2)
  t.match(alone.stderr, '--context, --namespace needs --cluster (USAGE)')
  const several = lockkeeper(['doctor', '--cluster'], { env: { KUBECONFIG: '/a:/b' } })
  t.equal(several.status, 2)
  t.match(several.stderr, 'KUBECONFIG names several files')
  const pod = lockkeeper(['doctor', '--cluster', '--context', 'prod'], {
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1' },
  })
  t.equal(pod.status, 2)
  t.match(pod.stderr, '--context needs a kubeconfig')
  t.end()
})

t.test('a cluster that does not answer is no finding', async t => {
  const port = await freePort()
  const file = join(t.testdir(), 'config')
  const cluster = { name: 'c', cluster: { server: `https://127.0.0.1:${port}` } }
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } }
  writeFileSync(
    file,
    JSON.stringify({ clusters: [cluster], users: [{ name: 'u', user: { token: 't' } }], contexts: [context] }),
  )
  const { status, stdout, stderr } = lockkeeper(['doctor', '--cluster', '--context', 'x'], {
    env: { KUBECONFIG: file },
  })
  t.equal(status, 2)
  t.equal(stdout, '')
  t.match(stderr, /^lockkeeper: no answer from .*ECONNREFUSED.* \(CLUSTER_UNREACHABLE\)\n$/)
})
