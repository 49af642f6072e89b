import type { Draw } from './draw.js'
import { claimSpec } from './claims.js'
import { podResources, podSpec, podTemplate, TEMPLATE_LABELS, type PodPlace } from './pod-spec.js'
import type { Json, JsonObject } from '../../../src/json.js'
import { metadata } from './values.js'

/** What makes an object of one kind: all of it but the name, which few need. */
export type Make = (draw: Draw, name: string) => JsonObject

const POD: PodPlace = { isPod: true, restartPolicies: ['Always', 'OnFailure', 'Never'], deadline: true }
const TEMPLATE: PodPlace = { ...POD, isPod: false }
const ENDLESS: PodPlace = { isPod: false, restartPolicies: ['Always'], deadline: false }
const FINITE: PodPlace = { isPod: false, restartPolicies: ['OnFailure', 'Never'], deadline: true }

const SELECTOR: JsonObject[] = [
  { matchLabels: TEMPLATE_LABELS },
  { matchLabels: TEMPLATE_LABELS, matchExpressions: [] },
  { matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'other'] }] },
]

/** Kinds that are Pods or make them. */
export const WORKLOADS: Readonly<Record<string, Make>> = {
  'v1/Pod': draw => {
    const spec = podSpec(draw, POD)
    if (draw.chance(0.1) && (spec.os as JsonObject | undefined)?.name !== 'windows') podResources(draw, spec)
    return { metadata: metadata(draw), spec }
  },
  'v1/PodTemplate': draw => ({ metadata: metadata(draw), template: podTemplate(draw, TEMPLATE) }),
  'v1/ReplicationController': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { template: podTemplate(draw, ENDLESS) },
      { replicas: [1, 0, 3], minReadySeconds: [0, 10], selector: [TEMPLATE_LABELS, {}] },
    ),
  }),
  'apps/v1/ReplicaSet': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { selector: draw.pick(SELECTOR), template: podTemplate(draw, ENDLESS) },
      { replicas: [1, 0, 3], minReadySeconds: [0, 10] },
    ),
  }),
  'apps/v1/Deployment': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { selector: draw.pick(SELECTOR), template: podTemplate(draw, ENDLESS) },
      {
        replicas: [1, 0, 3],
        minReadySeconds: [0, 10],
        revisionHistoryLimit: [10, 0],
        progressDeadlineSeconds: [600, 300],
        paused: [false, true],
        strategy: [
          {},
          { type: 'Recreate' },
          { type: 'RollingUpdate' },
          { type: 'RollingUpdate', rollingUpdate: {} },
          { rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
          { type: 'RollingUpdate', rollingUpdate: { maxSurge: '025%', maxUnavailable: 0 } },
          { rollingUpdate: { maxSurge: 1 } },
          { rollingUpdate: { maxSurge: '0%', maxUnavailable: 1 } },
        ],
      },
    ),
  }),
  'apps/v1/DaemonSet': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { selector: draw.pick(SELECTOR), template: podTemplate(draw, ENDLESS) },
      {
        minReadySeconds: [0, 10],
        revisionHistoryLimit: [10, 0],
        updateStrategy: [
          {},
          { type: 'OnDelete' },
          { type: 'RollingUpdate' },
          { rollingUpdate: {} },
          { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
          { rollingUpdate: { maxUnavailable: '10%' } },
          { rollingUpdate: { maxUnavailable: 0, maxSurge: '10%' } },
        ],
      },
    ),
  }),
  'apps/v1/StatefulSet': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      { selector: draw.pick(SELECTOR), template: podTemplate(draw, ENDLESS) },
      {
        serviceName: ['', 'shop'],
        replicas: [1, 0, 3],
        minReadySeconds: [0, 10],
        revisionHistoryLimit: [10, 0],
        podManagementPolicy: ['OrderedReady', 'Parallel'],
        ordinals: [{}, { start: 0 }, { start: 3 }],
        updateStrategy: [
          {},
          { type: 'OnDelete' },
          { type: 'RollingUpdate', rollingUpdate: {} },
          { rollingUpdate: { partition: 0 } },
          { rollingUpdate: { partition: 2 } },
        ],
        persistentVolumeClaimRetentionPolicy: [
          {},
          { whenDeleted: 'Retain' },
          { whenDeleted: 'Delete', whenScaled: 'Delete' },
        ],
        volumeClaimTemplates: [[], () => claimTemplates(draw)],
      },
    ),
  }),
  'batch/v1/Job': draw => ({ metadata: metadata(draw), spec: jobSpec(draw, true) }),
  'batch/v1/CronJob': draw => ({
    metadata: metadata(draw),
    spec: draw.members(
      {
        schedule: draw.pick(['0 3 * * *', '@daily', '*/5 * * * 1-5']),
        jobTemplate: draw.members({ spec: jobSpec(draw, false) }, { metadata: [{}, () => metadata(draw)] }),
      },
      {
        suspend: [false, true],
        concurrencyPolicy: ['Allow', 'Forbid', 'Replace'],
        successfulJobsHistoryLimit: [3, 0],
        failedJobsHistoryLimit: [1, 0],
        startingDeadlineSeconds: [0, 60],
        timeZone: ['Etc/UTC', 'Europe/Berlin'],
      },
    ),
  }),
}

function claimTemplates(draw: Draw): Json {
  const template = draw.members({ metadata: { name: 'data', ...metadata(draw) }, spec: claimSpec(draw) })
  return [draw.optional() ? { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...template } : template]
}

function jobSpec(draw: Draw, alone: boolean): JsonObject {
  const template = podTemplate(draw, FINITE)
  const spec = draw.members(
    { template },
    {
      activeDeadlineSeconds: [1, 600],
      ttlSecondsAfterFinished: [0, 100],
      suspend: [false, true],
      parallelism: [1, 0, 4],
      backoffLimit: [6, 0, 4],
      podReplacementPolicy: ['TerminatingOrFailed', 'Failed'],
    },
  )
  if (draw.optional()) Object.assign(spec, completions(draw))
  if (draw.optional() && (template.spec as JsonObject).restartPolicy === 'Never') {
    Object.assign(spec, failurePolicy(draw, spec))
  }
  // A Job that is managed elsewhere, and one that brings its own selector.
  if (alone && draw.chance(0.1)) spec.managedBy = 'example.com/controller'
  if (alone && draw.chance(0.1)) Object.assign(spec, { manualSelector: true, selector: draw.pick(SELECTOR) })
  else if (alone && draw.optional()) spec.manualSelector = false
  return spec
}

function completions(draw: Draw): JsonObject {
  return draw.pick<JsonObject>([
    { completions: 1 },
    { completions: 3, parallelism: 1 },
    { completions: 1, parallelism: 1 },
    { completions: 0 },
    { completionMode: 'NonIndexed' },
    { completionMode: 'Indexed', completions: 2, parallelism: 2 },
    {
      completionMode: 'Indexed',
      completions: 4,
      successPolicy: { rules: [{ succeededCount: 2 }, { succeededIndexes: '0-1' }] },
    },
  ])
}

function failurePolicy(draw: Draw, spec: JsonObject): JsonObject {
  const rules = draw.oneOrMore<Json>([
    { action: 'FailJob', onExitCodes: { operator: 'In', values: [1, 42] } },
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
    {
      action: 'Count',
      onPodConditions: [
        { type: 'DisruptionTarget', status: 'True' },
        { type: 'X', status: 'False' },
      ],
    },
    { action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'NotIn', values: [3] } },
  ])
  const indexed = spec.completionMode === 'Indexed' && draw.chance(0.5)
  return {
    podFailurePolicy: { rules },
    podReplacementPolicy: 'Failed',
    ...(indexed && { backoffLimitPerIndex: 1, ...(draw.chance(0.5) && { maxFailedIndexes: 2 }) }),
  }
}
