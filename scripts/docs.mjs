// Writes the generated parts of README.md anew.
import { writeFileSync } from 'node:fs'
import { compile } from './compile.mjs'

compile()

const { currentReadme } = await import('../build/test/helpers/readme.js')
writeFileSync(new URL('../README.md', import.meta.url), await currentReadme())
