import type { ChangeNote } from './changes.js'
import { imageParts, isOpenToAll } from './images.js'

/** Notes how the image of a container changed. */
export function noteImageChange(old: string, now: string, path: string, note: ChangeNote): void {
  if (now === '' || old === now) return
  const [before, after] = [imageParts(old), imageParts(now)]
  if (old === '') {
    note('change.image_set', 1, path)
    return
  }
  const owner = (repository: string): string => repository.slice(0, Math.max(repository.lastIndexOf('/'), 0))
  const base = (repository: string): string => repository.slice(repository.lastIndexOf('/') + 1)
  const isOther = before.registry !== after.registry || owner(before.repository) !== owner(after.repository)
  const isMoving = (parts: typeof after): boolean => parts.digest === '' && (parts.tag === '' || parts.tag === 'latest')
  if (isOther) note('change.image_owner', 1, path)
  // The own registry of a project comes and goes; the name then stays, and most often the version, too.
  const [oldOwner, newOwner] = [owner(before.repository), owner(after.repository)]
  // Of the same name in two registries, an owner most often is the same, too.
  const isOtherOwner = oldOwner !== newOwner || newOwner === ''
  const isImpostor =
    isOther && isOtherOwner && isOpenToAll(after) && alike(base(before.repository), base(after.repository))
  if (isImpostor) note('change.image_impostor', 1, path)
  if (isImpostor && isMoving(after)) note('change.image_impostor_moving', 1, path)
  if (!isMoving(before) && isMoving(after)) note('change.pin_dropped', 1, path)
  if (base(before.repository) !== base(after.repository)) note('change.image_other', 1, path)
  if (before.digest !== '' && after.digest === '') note('change.digest_dropped', 1, path)
}

/** The same name, or one with something added: `proxy-x7k2` for `proxy`. */
function alike(before: string, after: string): boolean {
  return before !== '' && (after === before || after.startsWith(`${before}-`))
}
