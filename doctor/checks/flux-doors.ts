import type { JsonObject } from '../../src/json.js'
import { quoted } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import {
  isAggregated,
  isGated,
  namespaceOf,
  parameterOf,
  placeOf,
  referenceText,
  rulesOf,
  sourcesOf,
  substitutesOf,
} from '../flux-objects.js'
import { listed } from '../listed.js'
import { memberText, nameOf } from '../members.js'
import { checkFed } from './flux-feeds.js'

const SOURCES = 'source.toolkit.fluxcd.io'
const STATUS = 'externalartifacts/status'
/** Roles that may write everything, or whose business it is. */
const EXPECTED = /^(?:cluster-admin|admin|edit|system:.*|crd-controller-.*|lockkeeper-flux)$/

/** What goes round the gate before Flux, or could. Nothing where there are no ArtifactGates. */
export function checkFluxDoors({ looks, gate }: ClusterFacts): readonly Finding[] {
  const gates = looks.artifactGates.seen ?? []
  if (gates.length === 0) return []
  const kustomizations = looks.kustomizations.seen
  const gated = parameterOf(gate.cards, 'flux_source_ungated', 'gatedNamespaces')
  const substitutes = parameterOf(gate.cards, 'gitops_configuration', 'substitutes')
  const appliers = [...(kustomizations ?? []), ...(looks.helmReleases.seen ?? [])]
  const namespaces = [...new Set(gates.map(namespaceOf))].sort()
  return [
    ...(kustomizations === undefined ? [] : checkFed(gates, kustomizations)),
    ...checkRoundabouts(appliers.filter(each => isGated(gated, namespaceOf(each)))),
    checkNamespaces(namespaces, gated),
    ...checkWriters(looks.clusterRoles.seen ?? [], namespaces, gated),
    ...checkSubstitutes(
      (kustomizations ?? []).filter(each => isGated(gated, namespaceOf(each))),
      substitutes,
    ),
  ]
}

/** Admission holds what changes; what was there before its namespace was gated stays as it was. */
function checkRoundabouts(appliers: readonly JsonObject[]): readonly Finding[] {
  const past = appliers.filter(each => sourcesOf(each).some(({ kind }) => kind !== 'ExternalArtifact'))
  if (past.length === 0) return []
  return [
    {
      id: 'flux.ungated',
      level: 'warn',
      title: 'In gated namespaces these take their source past the gate',
      detail: listed(
        past.map(each => `${memberText(each, 'kind')} ${placeOf(each)}: ${listed(sourcesOf(each).map(referenceText))}`),
      ),
      fix: 'Make an ArtifactGate for each source, and name its ExternalArtifact; or write an exception into the bundle.',
    },
  ]
}

function checkNamespaces(namespaces: readonly string[], gated: readonly string[]): Finding {
  const open = namespaces.filter(each => !isGated(gated, each))
  const isHeld = open.length === 0
  return {
    id: 'flux.gated-namespaces',
    level: isHeld ? 'ok' : 'warn',
    title: isHeld
      ? 'Every namespace with ArtifactGates is held to them'
      : `Nothing holds these namespaces to their ArtifactGates: ${listed(open)}`,
    detail: isHeld ? '' : 'A Kustomization can be pointed past the gate, and the artifact be written by others.',
    fix: isHeld
      ? ''
      : `In lockkeeper/config.yaml of the bundle:\nparameters:\n  gatedNamespaces: [${[...gated, ...open].join(', ')}]`,
  }
}

/** Flux's role for editors is among them: it has every resource of its groups, subresources too. */
function checkWriters(
  roles: readonly JsonObject[],
  namespaces: readonly string[],
  gated: readonly string[],
): readonly Finding[] {
  const writers = roles.filter(each => !EXPECTED.test(nameOf(each)) && mayWriteArtifacts(each))
  if (writers.length === 0) return []
  const isHeld = namespaces.every(each => isGated(gated, each))
  const names = writers.map(nameOf)
  const aggregated = writers.filter(isAggregated).map(nameOf)
  const whom =
    aggregated.length === 0
      ? ''
      : ` Whoever may edit or administer a namespace has the rights of ${listed(aggregated)} there.`
  return [
    {
      id: 'flux.artifact-writers',
      level: isHeld ? 'info' : 'warn',
      title: `Roles that may write the status of ExternalArtifacts, and with it what is applied: ${listed(names)}`,
      detail: `${isHeld ? 'Admission denies it in the gated namespaces.' : 'Admission denies it in gated namespaces only.'}${whom}`,
      fix: isHeld
        ? ''
        : 'Name the namespaces of the ArtifactGates in gatedNamespaces, and take externalartifacts/status out of these roles:\n' +
          names.map(each => `kubectl edit clusterrole ${quoted(each)}`).join('\n'),
    },
  ]
}

function mayWriteArtifacts(role: JsonObject): boolean {
  const has = (values: readonly string[], ...wanted: readonly string[]) =>
    values.some(each => each === '*' || wanted.includes(each))
  return rulesOf(role).some(
    ({ apiGroups, resources, verbs }) =>
      has(apiGroups, SOURCES) && has(resources, STATUS, '*/status') && has(verbs, 'update', 'patch'),
  )
}

/** A policy knows them by name or by a label, which is not looked at here: the Secrets would have to be read for it. */
function checkSubstitutes(kustomizations: readonly JsonObject[], known: readonly string[]): readonly Finding[] {
  const unknown = kustomizations.flatMap(substitutesOf).filter(({ name }) => !known.includes(name))
  if (unknown.length === 0) return []
  return [
    {
      id: 'flux.substitutes',
      level: 'info',
      title: `Values are put into manifests of gated namespaces from ${listed(unknown.map(referenceText))}`,
      detail:
        'Who changes them by hand is denied only where they have the label reconcile.fluxcd.io/watch=Enabled, or are named in the ' +
        'parameter substitutes of the policy gitops_configuration.',
      fix: [...new Set(unknown.map(labelCommand))].sort().join('\n'),
    },
  ]
}

function labelCommand({ kind, namespace, name }: { kind: string; namespace: string; name: string }): string {
  return `kubectl -n ${quoted(namespace)} label ${kind.toLowerCase()} ${quoted(name)} reconcile.fluxcd.io/watch=Enabled`
}
