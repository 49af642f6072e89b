import type { JsonObject } from '../../src/json.js'
import { patchDeployment } from '../command.js'
import type { ClusterFacts } from '../facts.js'
import type { Finding } from '../finding.js'
import { argumentsOf, takesFrom, valuesOf } from '../flux-objects.js'
import { listed } from '../listed.js'
import { nameOf } from '../members.js'

const SOURCES = 'source.toolkit.fluxcd.io'
const FEATURE = 'ExternalArtifact'
const [KUSTOMIZE, HELM] = ['kustomize-controller', 'helm-controller'] as const
const GATES = ['lockkeeper-webhook', 'lockkeeper-flux']
const BUNDLE_FLAG = '--bundle'

/** The gate before Flux applies: whether it is there, and whether Flux takes what it publishes. */
export function checkFlux(facts: ClusterFacts): readonly Finding[] {
  const { looks, gate } = facts
  if (!serves(facts, 'kustomize.toolkit.fluxcd.io', 'kustomizations')) return []
  if (!serves(facts, 'lockkeeper.dev', 'artifactgates')) {
    return [
      {
        id: 'flux.gate',
        level: 'info',
        title: 'Flux is here without the gate before it applies',
        detail: 'What it applies is judged at admission alone, and a denial there leaves a Kustomization half applied.',
        fix: 'kubectl apply -k manifests/flux',
      },
    ]
  }
  return [
    ...checkVersion(facts),
    ...checkFeature(looks.fluxDeployments.seen ?? [], KUSTOMIZE, gate.fluxNamespace, true),
    ...checkFeature(looks.fluxDeployments.seen ?? [], HELM, gate.fluxNamespace, hasReleases(facts)),
    ...checkBundles(looks.deployments.seen ?? []),
  ]
}

function serves({ looks }: ClusterFacts, group: string, resource: string): boolean {
  return looks.discovery.seen?.resources.some(each => each.group === group && each.resource === resource) ?? false
}

function checkVersion(facts: ClusterFacts): readonly Finding[] {
  if (serves(facts, SOURCES, 'externalartifacts')) return []
  return [
    {
      id: 'flux.version',
      level: 'error',
      title: 'Flux is older than 2.7: it knows no ExternalArtifact, and the gate cannot publish anything',
      detail: '',
      fix: 'Upgrade Flux to 2.7 or newer.',
    },
  ]
}

/** @param isNeeded false: nothing that it applies comes from an artifact */
function checkFeature(
  deployments: readonly JsonObject[],
  name: string,
  namespace: string,
  isNeeded: boolean,
): readonly Finding[] {
  const controller = deployments.find(each => nameOf(each) === name)
  if (!isNeeded || controller === undefined) return []
  const id = `flux.${name}` as const
  const isOn = featureOf(controller) === 'true'
  return [
    {
      id,
      level: isOn ? 'ok' : 'error',
      title: isOn
        ? `${name} takes ExternalArtifacts`
        : `${name} takes no ExternalArtifact: what the gate publishes is not applied`,
      detail: isOn
        ? ''
        : 'Without the feature gate, what refers to an ExternalArtifact fails, and no drift is corrected.',
      fix: isOn
        ? ''
        : `${patchDeployment(namespace, name, `--feature-gates=${FEATURE}=true`)}\n` +
          'Where Flux is installed from Git, the same patch belongs there: manifests/examples/flux/controllers.yaml.',
    },
  ]
}

/** Of a feature that is named several times, the last one counts. */
function featureOf(controller: JsonObject): string | undefined {
  return valuesOf(argumentsOf(controller), '--feature-gates')
    .flatMap(each => each.split(','))
    .map(each => each.trim().split('='))
    .findLast(([feature]) => feature === FEATURE)?.[1]
}

function hasReleases({ looks }: ClusterFacts): boolean {
  const gates = looks.artifactGates.seen ?? []
  return (looks.helmReleases.seen ?? []).some(each => gates.some(gate => takesFrom(each, gate)))
}

function checkBundles(deployments: readonly JsonObject[]): readonly Finding[] {
  const named = deployments
    .filter(each => GATES.includes(nameOf(each)))
    .map(each => ({
      name: nameOf(each),
      bundle: valuesOf(argumentsOf(each), BUNDLE_FLAG).at(-1) ?? 'the built-in one',
    }))
  if (named.length < GATES.length || new Set(named.map(each => each.bundle)).size < 2) return []
  return [
    {
      id: 'flux.bundle',
      level: 'warn',
      title: 'The gate before Flux judges by another bundle than admission',
      detail: listed(named.map(each => `${each.name}: ${each.bundle}`)),
      fix: 'Give both the same bundle: the component manifests/webhook/components/bundle-configmap does, for all gates of a kustomization.',
    },
  ]
}
