import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import t from 'tap'
import type { CliEnvironment } from '../../src/cli/environment.js'
import { createProgram } from '../../src/cli/program.js'
import { filesBelow, ROOT } from '../helpers/repository.js'

const CI = 'manifests/examples/ci'
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const { version } = JSON.parse(read('package.json')) as { version: string }

/** Every text in a value, wherever it stands. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** The words after `lockkeeper` in each command of a script; its variables stand for a branch. */
function commandsIn(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/^lockkeeper (.+?)(?: > \S+)?(?: \|\| test \$\? -eq 1)?$/gm)].map(([, words = '']) =>
    words.split(' ').map(word => word.replace(/^"\$\w+"$/, 'origin/main')),
  )
}

/** What the program takes a command for. @throws what commander says to a wrong one */
async function accepted(args: readonly string[]): Promise<{ readonly name: string; readonly format: unknown }> {
  const silent = { write: () => true, once: () => undefined }
  const environment = { stdout: silent, stderr: silent } as unknown as CliEnvironment
  const { command } = createProgram(environment, version)
  const found: { readonly name: string; readonly format: unknown }[] = []
  for (const each of command.commands) {
    each.action(() => {
      found.push({ name: each.name(), format: each.opts().format })
    })
  }
  await command.parseAsync([...args], { from: 'user' })
  return found[0] ?? { name: '', format: null }
}

t.test('every command of the examples is one that the program takes', async t => {
  const expected: Record<string, readonly string[]> = {
    [`${CI}/github-actions.yaml`]: ['sarif', 'github', 'text'],
    [`${CI}/gitlab-ci.yaml`]: ['junit', 'sarif', 'text'],
  }
  t.strictSame(filesBelow(CI, '.yaml'), Object.keys(expected))
  for (const [file, formats] of Object.entries(expected)) {
    const commands = textsIn(load(read(file))).flatMap(commandsIn)
    t.equal(commands.length, read(file).match(/\blockkeeper diff\b/g)?.length, `${file}: all of them were found`)
    t.strictSame(
      await Promise.all(commands.map(accepted)),
      formats.map(format => ({ name: 'diff', format })),
      file,
    )
  }
  await t.rejects(accepted(['diff', '--base', 'main', '--format', 'xml']), { code: 'commander.invalidArgument' })
  await t.rejects(accepted(['diff', '.']), { code: 'commander.missingMandatoryOptionValue' })
})

t.test('everything is pinned, has the whole history and no rights that it does not need', t => {
  interface Step {
    readonly uses?: string
    readonly with?: Readonly<Record<string, unknown>>
  }
  interface Workflow {
    readonly permissions: unknown
    readonly jobs: { readonly diff: { readonly permissions: unknown; readonly steps: readonly Step[] } }
  }
  const text = read(`${CI}/github-actions.yaml`)
  const { permissions, jobs } = load(text) as Workflow
  const used = jobs.diff.steps.flatMap(each => each.uses ?? [])
  t.strictSame(
    used.filter(each => !/@v\d+\.\d+\.\d+$/.test(each)),
    [],
  )
  t.strictSame(
    used.map(each => each.replace(/@.*/, '')),
    ['actions/checkout', 'actions/setup-node', 'github/codeql-action/upload-sarif'],
  )
  t.strictSame(permissions, {})
  t.strictSame(jobs.diff.permissions, { contents: 'read', 'security-events': 'write', actions: 'read' })
  t.strictSame(jobs.diff.steps[0]?.with, { 'fetch-depth': 0, 'persist-credentials': false })
  t.notMatch(text, /^\s+(?:- )?run:.*\$\{\{/m, 'no expression becomes part of a script')

  const gitlab = load(read(`${CI}/gitlab-ci.yaml`)) as { lockkeeper: Readonly<Record<string, unknown>> }
  const { image, variables, artifacts } = gitlab.lockkeeper
  t.match(image, /:\d+\.\d+\.\d+-/)
  t.strictSame(variables, { GIT_DEPTH: '0' })
  t.match(artifacts, { when: 'always', reports: { junit: 'lockkeeper.xml' } })
  for (const file of filesBelow(CI, '.yaml')) t.match(read(file), ` lockkeeper@${version}\n`, `${file}: this version`)
  t.end()
})
