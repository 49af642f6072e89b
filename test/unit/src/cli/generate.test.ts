import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { lockkeeper } from '../../../helpers/command.js'
import { CLI, ROOT } from '../../../helpers/repository.js'

const SETTINGS = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"a":"b"}}\n'
const HOSTILE =
  '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}\n' +
  '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"hostPID":true,"containers":[{"name":"c","image":"a:1","securityContext":{"privileged":true}}]}}\n'
const HEAD = { apiVersion: 'lockkeeper.dev/v1alpha1', kind: 'GenerateConfiguration' }

interface Test {
  testdir(files: Record<string, string>): string
}

function setUp(t: Test, manifest: string, configuration: Record<string, unknown> = {}) {
  const directory = t.testdir({ 'a.yaml': manifest })
  const config = join(t.testdir({ 'a.yaml': manifest }), 'generate.json')
  const limits = { slotsDirectory: join(directory, '.slots'), ...(configuration.limits as object | undefined) }
  writeFileSync(config, JSON.stringify({ ...HEAD, ...configuration, limits }))
  return { directory, config, env: { ARGOCD_APP_NAME: 'web', TMPDIR: directory } }
}

/** Where the working directory has one file and the configuration is not among the manifests. */
const ONLY_A = JSON.stringify([{ name: 'directory-include', string: 'a.yaml' }])

function run({ directory, config, env }: ReturnType<typeof setUp>, ...args: string[]) {
  return lockkeeper(['generate', ...args, '--config', config], {
    cwd: directory,
    env: { ...env, ARGOCD_APP_PARAMETERS: ONLY_A },
  })
}

t.test('allowed manifests are printed, and the exit code is 0', t => {
  t.strictSame(run(setUp(t, SETTINGS)), {
    status: 0,
    stdout: SETTINGS,
    stderr: 'lockkeeper: no keys are configured: objects get no receipts\n',
  })
  t.end()
})

t.test('denied: exit code 1, the reason, and nothing on stdout', t => {
  const { status, stdout, stderr } = run(setUp(t, HOSTILE))
  t.strictSame([status, stdout], [1, ''])
  t.match(stderr, /^denied: Pod default\/p: \[node_takeover\] container "c" is privileged/)
  t.end()
})

t.test('could not judge: exit code 2, also for what the configuration names', t => {
  t.strictSame(run(setUp(t, '# nothing\n')).status, 2)
  const { status, stdout, stderr } = run(setUp(t, SETTINGS, { bundle: { path: '/nowhere' } }))
  t.strictSame([status, stdout], [2, ''])
  t.match(stderr, /^could not judge: the bundle cannot be read: .*\(BUNDLE_UNREADABLE\)\n$/)
  t.match(
    run(setUp(t, SETTINGS, { limit: 1 })).stderr,
    /^could not judge: .* has mistakes: \(CONFIG_INVALID\)\n {2}limit: is not known here\n$/,
  )
  t.end()
})

t.test('a policy that never ends does not outlive the time-out', t => {
  const bundle = { path: join(ROOT, 'test/fixtures/bundles/spinning/bundle'), insecureUnsigned: true }
  const pod = SETTINGS.replace('ConfigMap', 'Pod')
  const { status, stdout, stderr } = run(setUp(t, pod, { bundle, limits: { timeoutSeconds: 3 } }))
  t.strictSame([status, stdout], [2, ''])
  t.match(
    stderr,
    /^could not judge: it was not done within 3 seconds: judging \(policy spinning was running\) took \d\.\d seconds \(GATE_DEADLINE\)\n$/,
  )
  t.end()
})

/** A renderer that never ends, and the file that it writes its process number into. */
function setUpSlow(t: Test, limits: Record<string, unknown> = {}) {
  const setup = setUp(t, SETTINGS)
  const script = join(setup.directory, 'render.sh')
  const pidFile = join(setup.directory, 'pid')
  writeFileSync(script, `#!/bin/sh\necho $$ > ${pidFile}\nsleep 300\n`)
  chmodSync(script, 0o755)
  writeFileSync(setup.config, JSON.stringify({ ...HEAD, renderers: { slow: { command: [script] } }, limits }))
  const parameters = JSON.stringify([{ name: 'tool', string: 'slow' }])
  return { ...setup, pidFile, env: { ...setup.env, PATH: process.env.PATH, ARGOCD_APP_PARAMETERS: parameters } }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isSo(); tries++) await wait(20)
}

/** Whether a process runs; one that has ended may not have been asked for its exit code yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** User time in hundredths of a second. */
function cpuTicks(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[11])
}

function start({ directory, config, env }: { directory: string; config: string; env: NodeJS.ProcessEnv }) {
  const child = spawn(process.execPath, [CLI, 'generate', '--config', config], { cwd: directory, env })
  const said = { stderr: '' }
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
  return { child, said, closed: once(child, 'close') }
}

t.test('SIGTERM ends it and the renderer that it started', async t => {
  const setup = setUpSlow(t)
  const { child, said, closed } = start(setup)
  await until(() => existsSync(setup.pidFile) && readFileSync(setup.pidFile, 'utf8').endsWith('\n'))
  const pid = Number(readFileSync(setup.pidFile, 'utf8'))
  child.kill('SIGTERM')
  t.strictSame(await closed, [2, null])
  t.equal(said.stderr, 'could not judge: it was cancelled before it was done (GATE_CLOSED)\n')
  await until(() => !isRunning(pid))
  t.notOk(isRunning(pid), 'the renderer has ended')
})

t.test('a renderer that never ends does not outlive the time-out', async t => {
  const setup = setUpSlow(t, { timeoutSeconds: 3 })
  const { said, closed } = start(setup)
  t.strictSame(await closed, [2, null])
  t.match(
    said.stderr,
    /^could not judge: it was not done within 3 seconds: rendering with \/.*\/render\.sh took \d\.\d seconds \(GATE_DEADLINE\)\n$/,
  )
  const pid = Number(readFileSync(setup.pidFile, 'utf8'))
  await until(() => !isRunning(pid))
  t.notOk(isRunning(pid), 'the renderer has ended')
})

t.test('SIGTERM ends it while a policy runs', async t => {
  const bundle = { path: join(ROOT, 'test/fixtures/bundles/spinning/bundle'), insecureUnsigned: true }
  const setup = setUp(t, SETTINGS.replace('ConfigMap', 'Pod'), { bundle })
  const env = { ...setup.env, PATH: process.env.PATH, ARGOCD_APP_PARAMETERS: ONLY_A }
  const { child, said, closed } = start({ ...setup, env })
  // Nothing before the policy needs so much.
  await until(() => cpuTicks(child.pid ?? 0) > 300)
  child.kill('SIGTERM')
  t.strictSame(await closed, [2, null])
  t.equal(said.stderr, 'could not judge: it was cancelled before it was done (GATE_CLOSED)\n')
})

t.test('a reader that goes away is no success', async t => {
  const many = Array.from({ length: 3_000 }, (_, index) => SETTINGS.replace('settings', `s${index}`)).join('')
  const { directory, config, env } = setUp(t, many)
  const child = spawn(process.execPath, [CLI, 'generate', '--config', config], {
    cwd: directory,
    env: { ...env, PATH: process.env.PATH, ARGOCD_APP_PARAMETERS: ONLY_A },
  })
  child.stdout.destroy()
  // Not 'close': nobody reads the other stream.
  t.strictSame(await once(child, 'exit'), [2, null])
})

t.test('the parameters of a chart are announced with what stands in its values', t => {
  const directory = t.testdir({
    'Chart.yaml': 'apiVersion: v2\nname: a\nversion: 1.0.0\n',
    'values.yaml': 'image: {tag: 1.20, "a.b": yes}\nhosts: [x, z]\nempty:\n',
    'values-prod.yaml': '',
  })
  const { status, stdout, stderr } = lockkeeper(['generate', 'parameters'], {
    cwd: directory,
    env: { ARGOCD_APP_NAME: 'web' },
  })
  t.strictSame([status, stderr], [0, ''])
  const announced = JSON.parse(stdout) as { name: string; tooltip: string; map?: unknown }[]
  t.strictSame(
    announced.map(({ name, map }) => ({ name, map })),
    [
      { name: 'helm-value-files', map: undefined },
      {
        name: 'helm-parameters',
        map: { 'hosts[0]': 'x', 'hosts[1]': 'z', 'image.a\\.b': 'true', 'image.tag': '1.2' },
      },
    ],
  )
  t.match(announced[0]?.tooltip, /In the directory: values-prod\.yaml, values\.yaml$/)
  t.end()
})

t.test('plugin.yaml names the client where a scorer is asked', t => {
  const { stdout } = lockkeeper(['generate', 'plugin', '--socket', '/run/scorer.sock', '--config', '/etc/g.yaml'])
  const client = join(ROOT, 'build/plugin/argocd/client.cjs')
  t.ok(stdout.includes(`command: ${JSON.stringify(['node', client, '/run/scorer.sock'])}\n`), stdout.slice(0, 400))
  t.ok(stdout.includes('command: ["lockkeeper","generate","parameters","--config","/etc/g.yaml"]\n'))
  t.end()
})
