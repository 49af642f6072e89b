// Writes the generated parts of README.md anew.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const cwd = new URL('..', import.meta.url).pathname
const tsc = new URL('../node_modules/.bin/tsc', import.meta.url).pathname
if (spawnSync(tsc, ['-p', 'tsconfig.json'], { cwd, stdio: 'inherit' }).status !== 0) process.exit(1)

const { currentReadme } = await import('../build/test/helpers/readme.js')
writeFileSync(new URL('../README.md', import.meta.url), await currentReadme())
