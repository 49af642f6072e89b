import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Risk } from '../../src/decision-types.js'
import { GateError } from '../../src/errors.js'
import { readManifests, type Manifest } from '../../src/manifest.js'
import { policyIds, ROOT } from './repository.js'

/** One sample of a policy: what a team would write, and whether the policy has something to say of it. */
export interface Sample {
  readonly policy: string
  readonly name: string
  /** From the checkout's root. */
  readonly path: string
  readonly text: string
  readonly isDenied: boolean
  readonly manifests: readonly Manifest[]
  /** For policies that judge the risk. */
  readonly risk: Risk | null
}

/** Every sample of every policy, in the order of their names. */
export function samples(): readonly Sample[] {
  return policyIds().flatMap(policy => {
    const directory = join('policies', policy, 'samples')
    const names = readdirSync(join(ROOT, directory)).filter(name => name.endsWith('.yaml'))
    return names.sort().map(name => {
      const path = join(directory, name)
      const text = readFileSync(join(ROOT, path), 'utf8')
      const contextFile = join(ROOT, directory, name.replace(/\.yaml$/, '.context.json'))
      const context = existsSync(contextFile) ? (JSON.parse(readFileSync(contextFile, 'utf8')) as { risk?: Risk }) : {}
      const manifests = [...readManifests(text, path)].map(each => {
        if (each instanceof GateError) throw each
        return each
      })
      return { policy, name, path, text, isDenied: name.startsWith('denied-'), manifests, risk: context.risk ?? null }
    })
  })
}
