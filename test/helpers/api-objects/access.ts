import type { Draw } from './draw.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { labelSelector, metadata } from './values.js'
import type { Make } from './workloads.js'

const GROUP = 'rbac.authorization.k8s.io'

/** Kinds that say who may do what, and who that is. */
export const ACCESS: Readonly<Record<string, Make>> = {
  [`${GROUP}/v1/Role`]: draw => draw.members({ metadata: metadata(draw) }, { rules: [[], rules] }),
  [`${GROUP}/v1/ClusterRole`]: draw =>
    draw.members(
      { metadata: metadata(draw) },
      {
        rules: [[], clusterRules, clusterRules],
        aggregationRule: [
          { clusterRoleSelectors: [{ matchLabels: { aggregate: 'true' } }] },
          () => ({ clusterRoleSelectors: [labelSelector(draw), labelSelector(draw)] }),
        ],
      },
    ),
  [`${GROUP}/v1/RoleBinding`]: draw =>
    draw.members(
      { metadata: metadata(draw), roleRef: roleRef(draw, draw.pick(['Role', 'ClusterRole'])) },
      { subjects: [[], subjects, subjects] },
    ),
  [`${GROUP}/v1/ClusterRoleBinding`]: draw =>
    draw.members(
      { metadata: metadata(draw), roleRef: roleRef(draw, 'ClusterRole') },
      { subjects: [[], subjects, subjects] },
    ),
  'v1/ServiceAccount': draw =>
    draw.members(
      { metadata: metadata(draw) },
      {
        secrets: [[], [{ name: 'keys' }]],
        imagePullSecrets: [[], [{ name: 'registry' }]],
        automountServiceAccountToken: [false, true],
      },
    ),
  'certificates.k8s.io/v1/CertificateSigningRequest': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {
        request: REQUEST,
        signerName: 'example.com/signer',
        usages: draw.pick([['client auth'], ['digital signature', 'server auth']]),
      },
      { expirationSeconds: [600, 86400] },
    ),
  }),
}

function rules(draw: Draw): Json {
  return draw.oneOrMore<Json>([
    { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] },
    { apiGroups: ['apps', ''], resources: ['*'], verbs: ['*'] },
    { apiGroups: [''], resources: ['configmaps'], resourceNames: ['settings'], verbs: ['update'] },
    { apiGroups: ['batch'], resources: ['jobs'], resourceNames: [], verbs: ['create'], nonResourceURLs: [] },
  ])
}

function clusterRules(draw: Draw): Json {
  const urls = { nonResourceURLs: ['/metrics', '/healthz/*'], verbs: ['get'] }
  return [...(rules(draw) as Json[]), ...(draw.chance(0.4) ? [urls] : [])]
}

function roleRef(draw: Draw, kind: string): JsonObject {
  return { ...(draw.chance(0.6) && { apiGroup: GROUP }), kind, name: 'viewer' }
}

function subjects(draw: Draw): Json {
  return draw.oneOrMore<Json>([
    { kind: 'User', name: 'alice' },
    { kind: 'User', name: 'bob', apiGroup: GROUP },
    { kind: 'Group', name: 'developers' },
    { kind: 'Group', name: 'system:masters', apiGroup: GROUP },
    { kind: 'ServiceAccount', name: 'runner', namespace: 'default' },
    { kind: 'ServiceAccount', apiGroup: '', name: 'runner', namespace: 'shop' },
  ])
}

/** A certificate request that only carries a name (P-256, CN=shop); nobody has its key. */
const REQUEST = [
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWMyaHZjREJaTUJN',
  'R0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQkJmL0djd2dEOW1xeUZJWnJGV2x4NVBabHZKOTNnSDFjOVgvRFVOeS9WS01W',
  'QzhpRHdQQmVtRTJocFUvCkcrMUl1bTR0OVZOZFYzUW9mUU96ZXF1MTZQeWdBREFLQmdncWhrak9QUVFEQWdOSUFEQkZBaUVBaUl2',
  'M1cyMXUKaDB0OEU5bnYxWGdGbFQxY2R3T1U0N3pHUGxsRkx6OXBQZ3dDSURSMElmRkN2bGUwdUtSdUpXeG9GMEtLbDVkSApwSEha',
  'TE9QR0p3TVF2dE8wCi0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=',
].join('')
