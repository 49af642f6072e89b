import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load, loadAll } from 'js-yaml'
import t from 'tap'
import { pluginText } from '../../plugin/argocd/main.js'
import { ROOT } from '../helpers/repository.js'

// What is installed beside Argo CD is what the program prints: `lockkeeper generate plugin --config /etc/lockkeeper/generate.yaml`.

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const CONFIG = '/etc/lockkeeper/generate.yaml'
const SOCKET = '/run/lockkeeper/scorer.sock'

interface Map {
  readonly metadata: { readonly name: string }
  readonly data: Readonly<Record<string, string>>
}

function pluginIn(file: string): string | undefined {
  const text = readFileSync(join(ROOT, 'manifests/argocd', file), 'utf8')
  const objects = file.startsWith('values')
    ? ((load(text) as { readonly extraObjects: readonly Map[] }).extraObjects as readonly unknown[])
    : (loadAll(text) as readonly unknown[])
  return (objects as readonly Map[]).find(each => each.metadata.name === 'lockkeeper-plugin')?.data['plugin.yaml']
}

t.test('plugin.yaml is what the program prints', async t => {
  const cold = await pluginText(version, { config: CONFIG })
  t.equal(pluginIn('repo-server/plugin.yaml'), cold)
  t.equal(pluginIn('values-argo-cd.yaml'), cold)
  // Where the client is depends on where the program is.
  const warm = await pluginText(version, { config: CONFIG, socket: SOCKET })
  t.equal(
    pluginIn('warm/plugin.yaml'),
    warm.replace(/"[^"]*(\/plugin\/argocd\/client\.cjs)"/, (_, end: string) => `"/app/dist${end}"`),
  )
  t.notMatch(cold, /discover/)
})
