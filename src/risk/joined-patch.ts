import type { PatchOperation } from '../decision-types.js'
import { pointerSegments } from '../remedy/patch.js'

/**
 * Several patches of one object as one patch, whose pointers all mean the object as it is before the first of them.
 * Elements are taken out of a list from its end on, so that none moves before its turn; what lies in something that is
 * itself replaced or taken out is left away.
 */
export function joinedPatch(patches: readonly (readonly PatchOperation[])[]): PatchOperation[] {
  const operations = patches.flat()
  const needed = operations.filter(
    (operation, index) =>
      !operations.some(
        (other, at) => operation.path.startsWith(`${other.path}/`) || (other.path === operation.path && at < index),
      ),
  )
  const isRemoval = ({ op }: PatchOperation): boolean => op === 'remove'
  return [
    ...needed.filter(operation => !isRemoval(operation)),
    ...needed.filter(isRemoval).sort((a, b) => compare(pointerSegments(b.path), pointerSegments(a.path))),
  ]
}

function compare(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((segment, index) => segment !== b[index])
  if (at === -1) return a.length - b.length
  const [left = '', right = ''] = [a[at], b[at]]
  const difference = Number(left) - Number(right)
  if (!Number.isNaN(difference)) return difference
  return left < right ? -1 : 1
}
