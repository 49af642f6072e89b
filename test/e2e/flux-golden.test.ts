import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { buildKustomization } from '../../plugin/flux/kustomization/build.js'
import { isLeftAlone } from '../../plugin/flux/kustomization/marks.js'
import { readKustomizationSpec } from '../../plugin/flux/kustomization/spec.js'
import { loadVariables } from '../../plugin/flux/kustomization/variables.js'
import { withWorkingCopy } from '../../plugin/flux/kustomization/working-copy.js'
import { canonicalJson, canonicalObject } from '../../src/canonical.js'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../src/json.js'
import { FLUX_CASES, fluxTree, type FluxCase } from '../helpers/flux-cases.js'
import { startArtifactServer } from '../helpers/testbed/artifact-server.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { condition, type FluxObject, type KustomizationSpec } from '../helpers/testbed/flux-objects.js'
import { startFlux } from '../helpers/testbed/flux.js'
import { program } from '../helpers/testbed/programs.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

// What kustomize-controller sends to the API server for each case, and what we say that it would.

const NAMESPACE = 'flux-system'
const WAIT = { timeoutMs: 120_000 }

/** An object as it is compared: its content in canonical form, and the metadata that the form may leave out. */
function comparable(object: JsonObject): string {
  const { labels = null, annotations = null } = isJsonObject(object.metadata) ? object.metadata : {}
  return canonicalJson({ object: canonicalObject(object), labels, annotations })
}

const parsed = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject

t.test('what kustomize-controller applies is what we build', async t => {
  const bed = createTestbed(t)
  const [plane, artifacts] = await together([startControlPlane(bed, {}), startArtifactServer(bed)])
  const flux = await startFlux(bed, plane)
  const { objects } = flux
  const tree = fluxTree()
  const root = join(bed.directory, 'golden')
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const artifact = await artifacts.add('golden', tree)
  await objects.createExternalArtifact('golden')
  await objects.publish('golden', artifact)

  const targetOf = ({ name, spec }: FluxCase) => spec.targetNamespace ?? `golden-${name}`
  await together(FLUX_CASES.map(each => plane.createNamespace(`golden-${each.name}`)))
  await plane.admin.apply({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'golden-deployer', namespace: NAMESPACE },
  })
  await plane.admin.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'golden-deployer' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'golden-deployer', namespace: NAMESPACE }],
  })
  const variables = new Map<string, ReadonlyMap<string, string>>()
  for (const each of FLUX_CASES) {
    for (const [name, { kind, data }] of Object.entries(each.variables ?? {})) {
      variables.set(`${kind}/${name}`, new Map(Object.entries(data)))
      await plane.admin.create({
        apiVersion: 'v1',
        kind,
        metadata: { name, namespace: NAMESPACE },
        ...(kind === 'Secret' ? { stringData: data } : { data }),
      })
    }
  }
  const specOf = (each: FluxCase): KustomizationSpec => {
    const { targetNamespace, ...spec } = { targetNamespace: targetOf(each), ...each.spec }
    return {
      sourceRef: { kind: 'ExternalArtifact', name: 'golden' },
      path: `./${each.name}`,
      ...spec,
      ...(targetNamespace === '' ? {} : { targetNamespace: `golden-${each.name}` }),
    }
  }
  await together(FLUX_CASES.map(each => objects.createKustomization(`golden-${each.name}`, specOf(each))))

  /** The Kustomization as it is when kustomize-controller has done what it can. */
  const settled = (each: FluxCase): Promise<FluxObject> =>
    each.isRefused === true
      ? objects.waitForCondition('Kustomization', `golden-${each.name}`, { type: 'Ready', status: 'False' }, WAIT)
      : objects.waitUntilApplied(`golden-${each.name}`, artifact.revision, WAIT)

  const build = (kustomization: FluxObject) =>
    withWorkingCopy(root, async copy => {
      const spec = readKustomizationSpec(parsed(kustomization))
      const { values } = await loadVariables(spec, ({ kind, name }) =>
        Promise.resolve(variables.get(`${kind}/${name}`) ?? null),
      )
      return buildKustomization(spec, copy, values, {
        binaries: { kustomize: program('kustomize') },
        env: {},
        buildEnvironment: {},
      })
    })

  let compared = 0
  for (const each of FLUX_CASES) {
    await t.test(`${each.name}: ${each.shows}`, async t => {
      const kustomization = await settled(each)
      if (each.isRefused === true) {
        t.comment(condition(kustomization, 'Ready')?.message ?? '')
        await t.rejects(build(kustomization), { name: 'GateError' })
        return
      }
      const manifests = await build(kustomization)
      const built = manifests.map(({ object }) => object).filter(object => !isLeftAlone(object))
      const owner = { name: `golden-${each.name}`, account: specOf(each).serviceAccountName ?? 'kustomize-controller' }
      const sent = new Map<string, JsonObject>()
      for (const { user, impersonatedUser, requestURI, verb, requestObject, objectRef } of await plane.audit()) {
        if (verb !== 'patch' || !requestURI.includes('fieldManager=kustomize-controller')) continue
        if (requestURI.includes('dryRun=All') || requestObject === undefined || objectRef?.subresource !== undefined)
          continue
        const object = parsed(requestObject)
        const labels = isJsonObject(object.metadata) ? object.metadata.labels : undefined
        if (!isJsonObject(labels) || labels['kustomize.toolkit.fluxcd.io/name'] !== owner.name) continue
        t.equal((impersonatedUser ?? user).username, `system:serviceaccount:${NAMESPACE}:${owner.account}`)
        sent.set(nameOf(object), object)
      }
      // What is in Secrets and definitions is not in the audit log.
      for (const object of built.filter(({ kind }) => kind === 'Secret' || kind === 'CustomResourceDefinition')) {
        const { apiVersion, kind, metadata } = object
        const namespace = typeof metadata.namespace === 'string' ? { namespace: metadata.namespace } : {}
        const live = await plane.admin.get({ apiVersion, kind, name: metadata.name as string, ...namespace })
        sent.set(nameOf(object), parsed(live))
      }
      t.strictSame(built.map(nameOf).sort(), [...sent.keys()].sort(), 'the same objects')
      for (const object of built) {
        const theirs = sent.get(nameOf(object))
        if (theirs === undefined) continue
        t.equal(comparable(object), comparable(theirs), nameOf(object))
        compared += 1
      }
      const inventory = kustomization.status?.inventory?.entries.length
      t.equal(manifests.length, inventory, 'the inventory has as many objects')
    })
  }
  t.comment(`${compared} objects of ${FLUX_CASES.length} Kustomizations are equal`)
  t.ok(compared > 70)
})

function nameOf({ apiVersion, kind, metadata }: JsonObject): string {
  const { namespace = '', name } = metadata as Record<string, Json>
  return [apiVersion, kind, namespace, name].map(String).join(' ')
}
