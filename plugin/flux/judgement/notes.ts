import type { Manifest } from '../../../src/manifest.js'
import { plural, resourceText } from '../../../src/report/text.js'
import { isLeftAlone } from '../kustomization/marks.js'
import type { KustomizationSpec } from '../kustomization/spec.js'

const MAX_NAMED = 5

/** What of a Kustomization is not judged before it is applied; one sentence each. */
export function notesOf(
  { isDecrypted, isRemote }: KustomizationSpec,
  manifests: readonly Manifest[],
): readonly string[] {
  const notes: string[] = []
  const releases = manifests.filter(
    ({ object }) => isOf(object.apiVersion, 'helm.toolkit.fluxcd.io') && object.kind === 'HelmRelease',
  )
  if (releases.length > 0) {
    notes.push(`${named(releases)}: what the charts render to is not judged before the sync; admission judges it`)
  }
  const alone = manifests.filter(each => isLeftAlone(each.object))
  if (alone.length > 0) notes.push(`${named(alone)}: marked to be left alone, so not applied and not judged`)
  const encrypted = manifests.filter(({ object }) => object.kind === 'Secret' && object.sops !== undefined)
  if (isDecrypted) {
    notes.push('values encrypted with SOPS are judged as they stand in the artifact; admission judges what they hold')
  } else if (encrypted.length > 0) {
    notes.push(
      `${named(encrypted)}: encrypted with SOPS, and the Kustomization has no decryption: it will not be applied`,
    )
  }
  if (isRemote) notes.push('it is applied to another cluster, whose live objects are not known here')
  return notes
}

function isOf(apiVersion: string, group: string): boolean {
  return apiVersion.startsWith(`${group}/`)
}

function named(manifests: readonly Manifest[]): string {
  const names = manifests.slice(0, MAX_NAMED).map(({ object: { apiVersion, kind, metadata } }) => {
    const { namespace, name } = metadata
    return resourceText({
      apiVersion,
      kind,
      ...(typeof namespace === 'string' ? { namespace } : {}),
      name: typeof name === 'string' ? name : '',
    })
  })
  const others = manifests.length - names.length
  return names.join(', ') + (others > 0 ? ` and ${plural(others, 'other')}` : '')
}
