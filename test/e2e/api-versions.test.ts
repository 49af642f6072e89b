import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isJsonObject, parseJson } from '../../src/json.js'
import { ROOT } from '../helpers/repository.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

// What the policies about API versions say of the newest release is what its API server does.

interface Row {
  readonly removed: string
  readonly replacement?: string
}

const text = readFileSync(join(ROOT, 'policies/data/api_versions.json'), 'utf8')
const table = (JSON.parse(text) as { lockkeeper: { api_versions: Table } }).lockkeeper.api_versions
interface Table {
  readonly newest: string
  readonly kinds: Readonly<Record<string, Readonly<Record<string, Row>>>>
}

const rows = Object.entries(table.kinds).flatMap(([apiVersion, kinds]) =>
  Object.entries(kinds).map(([kind, row]) => ({ apiVersion, kind, ...row })),
)

const plane = await startControlPlane(createTestbed(t), { controllers: false })

/** The kinds that the API server serves in an API version; none where it does not know the version. */
async function servedKinds(apiVersion: string): Promise<readonly string[]> {
  const { status, text } = await plane.admin.request('GET', `/apis/${apiVersion}`)
  const list = status === 200 ? parseJson(text) : null
  if (!isJsonObject(list) || !Array.isArray(list.resources)) return []
  return list.resources.map(each => (isJsonObject(each) && typeof each.kind === 'string' ? each.kind : ''))
}

/** Those of the `<apiVersion> <kind>` that are served. */
async function servedOf(all: readonly { readonly apiVersion: string; readonly kind: string }[]): Promise<string[]> {
  const served = new Map<string, readonly string[]>()
  for (const { apiVersion } of all) {
    if (!served.has(apiVersion)) served.set(apiVersion, await servedKinds(apiVersion))
  }
  const found = all.filter(({ apiVersion, kind }) => served.get(apiVersion)?.includes(kind))
  return found.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)
}

const minor = (version: string): number => Number(version.split('.')[1])

t.test('the API server is of the newest release in the table', async t => {
  const { text } = await plane.admin.request('GET', '/version')
  const version = parseJson(text)
  t.equal(isJsonObject(version) && `${version.major as string}.${version.minor as string}`, table.newest)
})

t.test('no version that the table calls removed is served', async t => {
  const removed = rows.filter(each => minor(each.removed) <= minor(table.newest))
  t.ok(removed.length >= 40, `${removed.length} of them`)
  t.strictSame(await servedOf(removed), [])
})

t.test('every version that takes the place of another is served', async t => {
  const wanted = rows.flatMap(({ kind, replacement }) =>
    replacement === undefined ? [] : [{ apiVersion: replacement, kind }],
  )
  t.strictSame(
    await servedOf(wanted),
    wanted.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`),
  )
})
