import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A program in the place of kustomize for tests of what surrounds it: `build` prints the file `manifests.yaml` of the
 * directory, whatever the kustomization says.
 */
export function plainKustomize(directory: string): string {
  const path = join(directory, 'plain-kustomize')
  writeFileSync(
    path,
    '#!/bin/sh\nfor last; do :; done\nwhile IFS= read -r line || [ -n "$line" ]; do printf "%s\\n" "$line"; done <"$last/manifests.yaml"\n',
  )
  chmodSync(path, 0o755)
  return path
}
