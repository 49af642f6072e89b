import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Draft4 from 'ajv-draft-04'
import addFormats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { lockkeeper } from '../helpers/command.js'
import { type Manifest, member } from '../helpers/testbed/api-objects.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { program, programFiles } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'

const NOW = '2026-06-01T12:00:00Z'
const SCANNED = ['policies', 'manifests/examples']

/** Everything that can be in a report: denials, warnings, remedies, and a file that cannot be read. */
function report(format: string): string {
  const tools = ['--kustomize', program('kustomize'), '--helm', program('helm')]
  const { status, stdout, stderr } = lockkeeper(['scan', '--format', format, '--now', NOW, ...tools, ...SCANNED])
  if (status !== 1) throw new Error(`scan ended with ${String(status)}: ${stderr}`)
  return stdout
}

/** The schema of the OASIS standard, which the Go library keeps as a string. */
function sarifSchema(): object {
  const source = readFileSync(join(programFiles('sarif'), 'pkg/report/v210/sarif/schema.go'), 'utf8')
  return JSON.parse(source.slice(source.indexOf('`') + 1, source.lastIndexOf('`'))) as object
}

t.test('sarif is what the schema of the standard asks for', t => {
  // Its patterns are older than the u flag.
  const ajv = new Draft4.default({ strict: false, allErrors: true, unicodeRegExp: false })
  addFormats.default(ajv)
  const validate = ajv.compile(sarifSchema())
  const log = JSON.parse(report('sarif')) as { runs: [{ results: { level: string }[] }] }
  t.ok(log.runs[0].results.length > 20, 'there are results of the samples')
  validate(log)
  t.strictSame(validate.errors ?? [], [])
  t.equal(validate({ ...log, runs: [{ ...log.runs[0], results: [{ level: 'bad' }] }] }), false, 'the schema can refuse')
  t.end()
})

t.test('openreports are taken by the API server as they are', async t => {
  const bed = createTestbed(t)
  const plane = await startControlPlane(bed)
  const { admin } = plane
  const directory = join(programFiles('openreports'), 'config/crd')
  for (const name of readdirSync(directory)) {
    const definition = parse(readFileSync(join(directory, name), 'utf8')) as Manifest
    await admin.apply(definition)
    await admin.waitUntil(definition, 'the definition is established', object =>
      ((member(object, 'status', 'conditions') as { type: string; status: string }[] | undefined) ?? []).some(
        each => each.type === 'Established' && each.status === 'True',
      ),
    )
  }
  const text = report('openreports')
  const { items } = JSON.parse(text) as { items: Manifest[] }
  const namespaces = new Set(items.flatMap(({ metadata }) => metadata?.namespace ?? []))
  for (const name of namespaces) await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

  const applied = await plane.kubectl(['apply', '--server-side', '-f', '-'], { input: text })
  t.equal(applied.status, 0, applied.stderr)
  const kinds = ['Report', 'ClusterReport']
  const stored = await Promise.all(kinds.map(kind => admin.list({ apiVersion: 'openreports.io/v1alpha1', kind })))
  const key = ({ metadata }: Manifest) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`
  const wanted = new Map(items.map(each => [key(each), member(each, 'results')]))
  t.strictSame(
    new Map(stored.flat().map(each => [key(each), member(each, 'results')])),
    wanted,
    'nothing was dropped or changed',
  )
  const { stdout } = await plane.kubectl(['get', 'reports.openreports.io', '-A', '-o', 'wide'])
  t.match(stdout, /NAMESPACE +NAME +KIND +NAME +PASS +FAIL +WARN +ERROR +SKIP/, 'and kubectl shows it in columns')
})
