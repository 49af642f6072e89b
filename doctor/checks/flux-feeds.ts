import type { JsonObject } from '../../src/json.js'
import { quoted } from '../command.js'
import type { Finding } from '../finding.js'
import { namedByGate, namespaceOf, placeOf, referenceText, sourcesOf, takesFrom } from '../flux-objects.js'
import { listed } from '../listed.js'
import { nameOf } from '../members.js'

/** An ArtifactGate is of use to what takes its artifact. */
export function checkFed(gates: readonly JsonObject[], kustomizations: readonly JsonObject[]): readonly Finding[] {
  const byPlace = new Map(kustomizations.map(each => [placeOf(each), each]))
  const others = gates.flatMap(gate => namedByGate(gate).map(place => ({ gate, place, found: byPlace.get(place) })))
  const past = others.filter(({ gate, found }) => found !== undefined && !takesFrom(found, gate))
  const missing = others.filter(({ found }) => found === undefined)
  const idle = gates.filter(
    gate => namedByGate(gate).length === 0 && !kustomizations.some(each => takesFrom(each, gate)),
  )
  const findings: readonly Finding[] = [
    ...(past.length === 0
      ? []
      : [
          {
            id: 'flux.not-moved' as const,
            level: 'warn' as const,
            title: 'Kustomizations are judged by an ArtifactGate and do not take what it publishes',
            detail: listed(
              past.map(({ gate, place, found }) => `${place} takes ${sourceText(found)}, not ${placeOf(gate)}`),
            ),
            fix: [
              ...past.map(({ gate, found }) => moveCommand(found ?? {}, gate)),
              'Where a Kustomization is in Git, its sourceRef is changed there.',
            ].join('\n'),
          },
        ]),
    ...(missing.length === 0
      ? []
      : [
          {
            id: 'flux.no-kustomization' as const,
            level: 'warn' as const,
            title: 'ArtifactGates name Kustomizations that are not there',
            detail: listed(missing.map(({ gate, place }) => `${placeOf(gate)} names ${place}`)),
            fix: 'Create them, or take them out of spec.kustomizations.',
          },
        ]),
    ...(idle.length === 0
      ? []
      : [
          {
            id: 'flux.idle' as const,
            level: 'info' as const,
            title: `Nothing takes what these ArtifactGates publish: ${listed(idle.map(placeOf))}`,
            detail: '',
            fix: 'Name the ArtifactGate in the sourceRef of a Kustomization, with kind ExternalArtifact.',
          },
        ]),
  ]
  if (findings.length > 0) return findings
  return [{ id: 'flux.moved', level: 'ok', title: 'Every ArtifactGate is taken from', detail: '', fix: '' }]
}

function sourceText(applier: JsonObject | undefined): string {
  return applier === undefined ? 'nothing' : listed(sourcesOf(applier).map(referenceText))
}

function moveCommand(kustomization: JsonObject, gate: JsonObject): string {
  const sourceRef = {
    kind: 'ExternalArtifact',
    name: nameOf(gate),
    namespace: namespaceOf(gate) === namespaceOf(kustomization) ? null : namespaceOf(gate),
  }
  const patch = JSON.stringify({ spec: { sourceRef } })
  return `kubectl -n ${quoted(namespaceOf(kustomization))} patch kustomization ${quoted(nameOf(kustomization))} --type=merge -p ${quoted(patch)}`
}
