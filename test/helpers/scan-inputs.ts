import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { ROOT } from './repository.js'

export const BUILT_IN = join(ROOT, 'policies/bundle')

/** A manifest that every policy allows. */
export const GOOD = `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
`

/** A manifest that one policy denies. */
export const BAD = `apiVersion: v1
kind: Pod
metadata:
  name: debug
  namespace: shop
spec:
  hostPID: true
  containers:
    - name: debug
      image: registry.example/debug:1.2.3
      securityContext:
        privileged: true
`

/** Writes a file for a test and gives its path. */
export function file(t: Test, content: string | Buffer, name = 'x.yaml'): string {
  const path = join(t.testdir({}), name)
  writeFileSync(path, content)
  return path
}

/** The built-in bundle with files changed, added, or (null) removed. */
export function changedBundle(t: Test, changes: Readonly<Record<string, string | null>>): string {
  const path = join(t.testdir({}), 'bundle')
  cpSync(BUILT_IN, path, { recursive: true })
  for (const [name, content] of Object.entries(changes)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    if (content === null) rmSync(join(path, name))
    else writeFileSync(join(path, name), content)
  }
  return path
}
