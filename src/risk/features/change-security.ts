import { objectOr } from '../../canonical/drop.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import { capabilityClass } from './capabilities.js'
import type { ChangeNote } from './changes.js'
import { textsOf } from './places.js'

/** What a security context has that makes a container or pod weaker when it goes. */
export function noteHardening(old: JsonObject, now: JsonObject, path: string, note: ChangeNote): void {
  const lost = (member: string, value: Json): void => {
    if (old[member] === value && now[member] !== value) note('change.hardening_dropped', 1, `${path}/${member}`)
  }
  lost('runAsNonRoot', true)
  lost('readOnlyRootFilesystem', true)
  lost('allowPrivilegeEscalation', false)
  if (
    typeof old.runAsUser === 'number' &&
    old.runAsUser > 0 &&
    !(typeof now.runAsUser === 'number' && now.runAsUser > 0)
  ) {
    note('change.hardening_dropped', 1, `${path}/runAsUser`)
  }
  if (
    isJsonObject(old.seccompProfile) &&
    (!isJsonObject(now.seccompProfile) || now.seccompProfile.type === 'Unconfined')
  ) {
    note('change.hardening_dropped', 1, `${path}/seccompProfile`)
  }
  const dropped = textsOf(objectOr(old.capabilities).drop)
  if (dropped.length > 0 && textsOf(objectOr(now.capabilities).drop).length === 0) {
    note('change.hardening_dropped', 1, `${path}/capabilities/drop`)
  }
}

/** What a container that was there before may do now. That a new one may, is another thing: it came with it. */
export function noteEscalation(old: JsonObject, now: JsonObject, path: string, note: ChangeNote): void {
  if (now.privileged === true && old.privileged !== true) note('change.privileged', 1, `${path}/privileged`)
  if (now.runAsUser === 0 && old.runAsUser !== 0) note('change.root_user', 1, `${path}/runAsUser`)
  const known = new Set(textsOf(objectOr(old.capabilities).add))
  textsOf(objectOr(now.capabilities).add).forEach((name, index) => {
    if (!known.has(name)) note('change.capability', capabilityClass(name).grade, `${path}/capabilities/add/${index}`)
  })
}
