import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../helpers/repository.js'

interface Instruction {
  readonly word: string
  readonly rest: string
}

/** The instructions of a Dockerfile, stage by stage; what stands before the first stage comes first. */
function stagesOf(text: string): readonly (readonly Instruction[])[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  const stages: Instruction[][] = [[]]
  for (const line of lines.filter(each => each.trim() !== '')) {
    const [word = '', ...rest] = line.trim().split(/\s+/)
    if (word === 'FROM') stages.push([])
    stages.at(-1)?.push({ word, rest: rest.join(' ') })
  }
  return stages
}

const stages = stagesOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).slice(1)
const last = stages.at(-1) ?? []
const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
const sent = [...ignored.matchAll(/^!(.+)$/gm)].map(match => match[1] ?? '')

/** What a COPY takes from the checkout; null where it takes from another stage. */
function sourcesOf({ rest }: Instruction): readonly string[] | null {
  return rest.startsWith('--from=') ? null : rest.split(' ').slice(0, -1)
}

t.test('the image runs without root, from a last stage that builds nothing', t => {
  t.equal(stages.length, 3)
  const find = (word: string) => last.filter(each => each.word === word).map(each => each.rest)
  t.strictSame(find('USER'), ['65532:65532'])
  t.strictSame(find('ENTRYPOINT'), ['["node", "--max-semi-space-size=4", "dist/src/cli/main.js"]'])
  t.notOk(
    find('RUN').some(each => /\b(npm (ci|install|run)|apt-get|tsc)\b/.test(each)),
    'nothing is installed or compiled',
  )
  const user = last.findIndex(each => each.word === 'USER')
  t.notOk(
    last.slice(user).some(each => ['RUN', 'COPY'].includes(each.word)),
    'files belong to root',
  )
  t.end()
})

t.test('nothing is fetched but the base image and npm packages of the lock file', t => {
  const all = stages.flat()
  t.notOk(all.some(each => each.word === 'ADD'))
  const installs = all.flatMap(({ rest }) => [...rest.matchAll(/npm (ci|i|install)\b[^&]*/g)].map(match => match[0]))
  t.equal(installs.length, 2)
  for (const each of installs) t.match(each, /^npm ci .*--ignore-scripts/)
  for (const [from] of stages) t.match(from?.rest, /^node:\$\{NODE_VERSION\}-bookworm-slim/)
  t.end()
})

t.test('what is copied is there, and is sent to the build', t => {
  const sources = stages.flat().flatMap(each => (each.word === 'COPY' ? (sourcesOf(each) ?? []) : []))
  t.strictSame([...new Set(sources)].sort(), [...sent].sort())
  for (const each of sources) t.ok(existsSync(join(ROOT, each)), each)
  t.match(ignored, /^\*$/m, 'everything else stays out')
  t.end()
})
