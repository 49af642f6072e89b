import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import type { Application } from '../helpers/testbed/argocd-applications.js'
import { startArgoCDServer } from '../helpers/testbed/argocd-server.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { prepareSidecar } from '../helpers/testbed/gate-sidecar.js'
import type { FileChanges } from '../helpers/testbed/git-repository.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { startLiveController } from '../helpers/testbed/live-controller.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

// What is rendered and not synced is a look ahead. A change is measured against what is live, however often it was looked at.

const COUNT = 14
const names = Array.from({ length: COUNT }, (_, index) => `part-${index}`)

function part(name: string, text = 'as it was'): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text } })
}

/** Removes the first so many files. */
function without(count: number): FileChanges {
  return Object.fromEntries(names.slice(0, count).map(name => [`shop/${name}.json`, null]))
}

function conditionOf({ status }: Application): string {
  return (status?.conditions ?? []).map(({ message }) => message).join('\n')
}

const DENIED =
  'denied: ConfigMap shop/part-0 and 11 others: [pruned_share] 12 of 14 objects that are there would be deleted'

t.test('a change is measured against what is live', async t => {
  const bed = createTestbed(t)
  const [plane, git] = await together([startControlPlane(bed, {}), startGitServer(bed)])
  await plane.createNamespace('argocd')
  const controller = await startLiveController(bed, plane)
  const gate = prepareSidecar(bed, { name: 'gate', configuration: { controller: controller.configuration } })
  const [argocd, repository] = await together([
    startArgoCD(bed, plane, { plugins: [gate.plugin], appResyncSeconds: 3600 }),
    git.createRepository('shop', Object.fromEntries(names.map(name => [`shop/${name}.json`, part(name)]))),
    plane.createNamespace('shop'),
  ])
  const { applications } = argocd
  const server = await startArgoCDServer(bed, plane, argocd)
  const first = await repository.resolve('main')
  const live = async () =>
    (await plane.admin.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' })).filter(({ metadata }) =>
      metadata.name.startsWith('part-'),
    ).length
  const preview = (revision: string) => server.argocd('app', 'manifests', 'shop', '--revision', revision)

  const source = { repoURL: repository.url, path: 'shop', plugin: { name: gate.pluginName } }
  await applications.create('shop', { source, syncPolicy: {} })
  t.equal((await applications.sync('shop')).phase, 'Succeeded')
  t.equal(await live(), COUNT)

  await t.test('denied in one step', async t => {
    await repository.branch('once', first)
    const { code, stderr } = await preview(await repository.commit(without(12), 'at once', { branch: 'once' }))
    t.not(code, 0)
    t.match(stderr, DENIED)
  })

  await t.test('denied in three steps that were only looked at', async t => {
    await repository.branch('steps', first)
    for (const count of [4, 8]) {
      const { code, stdout, stderr } = await preview(
        await repository.commit(without(count), `without ${count}`, { branch: 'steps' }),
      )
      t.equal(code, 0, stderr)
      t.equal(stdout.match(/kind: ConfigMap/g)?.length, COUNT - count, `the step to ${COUNT - count} is allowed`)
    }
    const { code, stderr } = await preview(await repository.commit(without(12), 'the last', { branch: 'steps' }))
    t.not(code, 0)
    t.match(stderr, DENIED)
  })
  await t.test('denied in three commits that were compared and never synced', async t => {
    for (const count of [4, 8]) {
      await repository.commit(without(count), `without ${count}`)
      const { status } = await applications.refresh('shop')
      t.strictSame([status?.sync?.status, status?.conditions ?? []], ['OutOfSync', []], `the step to ${COUNT - count}`)
    }
    await repository.commit(without(12), 'the last')
    t.match(conditionOf(await applications.refresh('shop')), DENIED)
    t.equal(await live(), COUNT, 'nothing went')
  })

  await t.test('app diff shows what a working copy would change, and denies what a commit of it would', async t => {
    const copy = join(bed.directory, 'copy')
    mkdirSync(join(copy, 'shop'), { recursive: true })
    const diff = () =>
      server.argocd(...['app', 'diff', 'shop', '--server-side-generate'], ...['--local', copy, '--exit-code=false'])
    for (const name of names) writeFileSync(join(copy, 'shop', `${name}.json`), part(name, 'changed'))
    const allowed = await diff()
    t.equal(allowed.code, 0, allowed.stderr)
    t.equal(allowed.stdout.match(/^> +text: changed$/gm)?.length, COUNT, 'each change is shown')
    for (const name of names.slice(0, 12)) rmSync(join(copy, 'shop', `${name}.json`))
    const denied = await diff()
    t.not(denied.code, 0)
    t.match(denied.stderr, DENIED)
    t.strictSame(
      gate
        .calls('shop', 'streamed')
        .map(({ code }) => code)
        .sort(),
      [0, 1],
      'the gate has judged both',
    )
  })

  await t.test('a sync moves what is measured against', async t => {
    await repository.commit(Object.fromEntries(names.slice(8, 12).map(name => [`shop/${name}.json`, part(name)])))
    t.equal(conditionOf(await applications.refresh('shop')), '')
    t.equal((await applications.sync('shop', { prune: true })).phase, 'Succeeded')
    t.equal(await live(), 6)
    await repository.commit(without(12), 'the last again')
    t.equal(conditionOf(await applications.refresh('shop')), '', '4 of 6 are few')
  })
})
