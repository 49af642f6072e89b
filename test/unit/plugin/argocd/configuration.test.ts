import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  DEFAULT_CONFIGURATION,
  loadConfiguration,
  readConfiguration,
  tightened,
} from '../../../../plugin/argocd/configuration.js'
import { problemsText, type Problem } from '../../../../src/fields.js'

const HEAD = 'apiVersion: lockkeeper.dev/v1alpha1\nkind: GenerateConfiguration\n'

function load(t: { testdir(): string }, text: string) {
  const path = join(t.testdir(), 'generate.yaml')
  writeFileSync(path, text)
  return loadConfiguration(path)
}

t.test('a configuration that says nothing is the default', async t => {
  t.strictSame(await load(t, HEAD), DEFAULT_CONFIGURATION)
})

t.test('a configuration that says everything', async t => {
  const text = `${HEAD}metadata: {name: a}
bundle: {path: /etc/bundle.tar.gz, insecureUnsigned: true}
controller: {url: "https://controller.lockkeeper:8443", caFile: /ca.crt, tokenFile: /token, timeoutSeconds: 3}
keys:
  directory: /keys
  destinations: [{projects: [team-a, team-b], directory: /keys-eu}]
records:
  spoolDirectory: /spool
renderers:
  jsonnet: {command: [jsonnet, -y, main.jsonnet]}
binaries: {helm: /bin/helm, kustomize: /bin/kustomize}
kustomizeBuildOptions: [--enable-helm]
failOnWarn: true
workDirectory: /tmp/_cmp_server
limits: {timeoutSeconds: 30, maxRenderedMiB: 8, concurrency: 2, slotsDirectory: /slots}
`
  t.strictSame(await load(t, text), {
    bundle: { path: '/etc/bundle.tar.gz', allowUnsigned: true },
    controller: { url: 'https://controller.lockkeeper:8443', caFile: '/ca.crt', tokenFile: '/token', timeoutMs: 3_000 },
    keys: { directory: '/keys', destinations: [{ projects: ['team-a', 'team-b'], directory: '/keys-eu' }] },
    records: { spoolDirectory: '/spool' },
    renderers: { jsonnet: ['jsonnet', '-y', 'main.jsonnet'] },
    binaries: { helm: '/bin/helm', kustomize: '/bin/kustomize' },
    kustomizeBuildOptions: ['--enable-helm'],
    failOnWarn: true,
    limits: { timeoutMs: 30_000, maxRenderedBytes: 8 * 1024 * 1024, concurrency: 2, slotsDirectory: '/slots' },
    workDirectory: '/tmp/_cmp_server',
  })
})

t.test('every mistake is found at once', t => {
  const problems: Problem[] = []
  readConfiguration(
    {
      apiVersion: 'v1',
      kind: 'GenerateConfiguration',
      bundle: { path: 'bundle', signature: 1 },
      controller: { url: 'http://a', caFile: '/ca' },
      keys: { directory: '/keys', destinations: [{ projects: ['a'], directory: '../x' }] },
      renderers: { helm: { command: ['helm'] }, empty: { command: [] }, text: { command: 'sh -c x' } },
      limits: { timeoutSeconds: 0, concurrency: 1.5, maxRenderedMiB: '8' },
      failOnWarn: 'yes',
      bundel: 1,
    },
    problems,
  )
  t.equal(
    problemsText(problems),
    `apiVersion: must be lockkeeper.dev/v1alpha1, is "v1"
bundle.path: must be an absolute path, is "bundle"
bundle.signature: is not known here
controller.url: must be an https address, is "http://a"
controller.tokenFile: is required
keys.destinations[0].directory: must be an absolute path, is "../x"
renderers.helm: is the name of a built-in tool
renderers.empty.command: must name a program
renderers.text.command: must be a list, is "sh -c x"
failOnWarn: must be true or false, is "yes"
limits.timeoutSeconds: must be a whole number from 1 to 600, is 0
limits.maxRenderedMiB: must be a whole number from 1 to 512, is "8"
limits.concurrency: must be a whole number from 1 to 256, is 1.5
bundel: is not known here`,
  )
  t.end()
})

t.test('a file that is no one configuration', async t => {
  await t.rejects(load(t, ''), { code: 'CONFIG_INVALID', message: /must hold one document, has 0/ })
  await t.rejects(load(t, `${HEAD}---\n${HEAD}`), { code: 'CONFIG_INVALID', message: /must hold one document, has 2/ })
  await t.rejects(load(t, 'a: ['), { code: 'CONFIG_INVALID' })
  await t.rejects(loadConfiguration('/nowhere/generate.yaml'), { code: 'FILE_UNREADABLE' })
})

t.test('an Application may ask for more, and not for less', t => {
  const strict = { ...DEFAULT_CONFIGURATION, failOnWarn: true }
  const ask = (wanted: Parameters<typeof tightened>[1], configuration = DEFAULT_CONFIGURATION) => {
    const problems: Problem[] = []
    const { failOnWarn, limits } = tightened(configuration, wanted, problems)
    return { failOnWarn, timeoutMs: limits.timeoutMs, problems: problemsText(problems) }
  }
  const looser = 'is looser than the mounted configuration: an Application may only ask for more'
  t.strictSame(ask({}), { failOnWarn: false, timeoutMs: 45_000, problems: '' })
  t.strictSame(ask({ failOnWarn: true, timeoutSeconds: 5 }), { failOnWarn: true, timeoutMs: 5_000, problems: '' })
  t.strictSame(ask({ failOnWarn: false }), { failOnWarn: false, timeoutMs: 45_000, problems: '' })
  t.strictSame(ask({ failOnWarn: false, timeoutSeconds: 46 }, strict), {
    failOnWarn: true,
    timeoutMs: 45_000,
    problems: `ARGOCD_ENV_LOCKKEEPER_FAIL_ON_WARN: ${looser}\nARGOCD_ENV_LOCKKEEPER_TIMEOUT_SECONDS: ${looser}`,
  })
  t.end()
})
