import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { currentReadme } from '../helpers/readme.js'
import { ROOT } from '../helpers/repository.js'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

t.test('the generated parts of the README are what the program says today', async t => {
  t.equal(read('README.md'), await currentReadme(), 'run `npm run docs` to write them anew')
})

t.test('links between the documents lead somewhere', t => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
  for (const document of documents) {
    for (const [, target = ''] of read(document).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      t.ok(existsSync(join(ROOT, target)), `${document}: ${target}`)
    }
  }
  t.end()
})

t.test('npm commands that documents name exist', t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const document of ['README.md', 'CONTRIBUTING.md']) {
    for (const [, script = ''] of read(document).matchAll(/npm run ([a-z0-9:]+)/g)) {
      t.ok(Object.hasOwn(scripts, script), `${document}: npm run ${script}`)
    }
  }
  t.end()
})

t.test('the lock file names no registry', t => {
  t.notMatch(read('package-lock.json'), /"resolved"/)
  t.end()
})
