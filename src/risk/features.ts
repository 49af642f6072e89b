import type { JsonObject } from '../json.js'
import { CHANGE_ONLY_FEATURES, noteChange, type Side } from './features/changes.js'
import { COMMAND_FEATURES, noteCommands } from './features/command-text.js'
import { CONTROL_FEATURES, noteControlPlane } from './features/control-plane.js'
import { EXPOSURE_FEATURES, noteExposure } from './features/exposure.js'
import { onGrid, type FeatureSpec } from './features/feature.js'
import { Findings } from './features/findings.js'
import { IMAGE_FEATURES, noteImages } from './features/images.js'
import { KIND_FEATURES, noteKind } from './features/kind.js'
import { findPlaces } from './features/places.js'
import { notePods, POD_FEATURES } from './features/pod-security.js'
import { ADDED_FEATURES, PRIOR_FEATURES, weigh, type Evidence } from './features/prior.js'
import { noteRbac, RBAC_FEATURES } from './features/rbac.js'

/** Changes with every change of a value: a model is for one version of the features. */
export const FEATURE_VERSION = 3

const OBJECT_SPECS = {
  ...POD_FEATURES,
  ...COMMAND_FEATURES,
  ...IMAGE_FEATURES,
  ...RBAC_FEATURES,
  ...EXPOSURE_FEATURES,
  ...CONTROL_FEATURES,
  ...KIND_FEATURES,
  ...PRIOR_FEATURES,
} as const
type ObjectFeature = keyof typeof OBJECT_SPECS
const CHANGE_SPECS = { ...CHANGE_ONLY_FEATURES, ...ADDED_FEATURES } as const
type ChangeOnlyFeature = keyof typeof CHANGE_SPECS

/** One column of a model's input. */
export interface Feature {
  readonly name: string
  readonly group: string
  readonly unit: FeatureSpec['unit']
  /** 1: the score may not fall when the value rises; 0: nothing is promised. */
  readonly direction: 0 | 1
  /** What the prior counts one unit for, in log-odds; 0: it does not. */
  readonly weight: number
  /** Said of an object that has it. */
  readonly text: string
}

const OBJECT_NAMES = Object.keys(OBJECT_SPECS) as readonly ObjectFeature[]
const CHANGE_NAMES = Object.keys(CHANGE_SPECS) as readonly ChangeOnlyFeature[]
/** What only describes is the same before and after. */
const DELTA_NAMES = OBJECT_NAMES.filter(name => directionOf(OBJECT_SPECS[name]) === 1)

/** The input of the object model, in order. */
export const OBJECT_FEATURES: readonly Feature[] = OBJECT_NAMES.map(name => feature(name, OBJECT_SPECS[name]))

/** The input of the change model, in order: the new object, what is more in it than in the old one, and what only a comparison shows. */
export const CHANGE_FEATURES: readonly Feature[] = [
  ...OBJECT_NAMES.map(name => feature(name, OBJECT_SPECS[name], 'new.')),
  ...DELTA_NAMES.map(name => feature(name, OBJECT_SPECS[name], 'delta.')),
  ...CHANGE_NAMES.map(name => feature(name, CHANGE_SPECS[name])),
]

function feature(name: string, spec: FeatureSpec, prefix = ''): Feature {
  const [group = ''] = name.split('.')
  const { unit, weight, text } = spec
  return { name: `${prefix}${name}`, group, unit, direction: directionOf(spec), weight, text }
}

function directionOf(spec: FeatureSpec): 0 | 1 {
  return spec.direction ?? 1
}

/** A model's input for one object or change, and where its values come from. */
export interface FeatureVector {
  /** In the order of the table; each is a multiple of 1/64. */
  readonly values: Float32Array
  /** The JSON pointers into the new object that gave the value of a column. */
  paths(column: number): readonly string[]
}

/** The input of the object model for a canonical object. */
export function objectFeatures(object: JsonObject): FeatureVector {
  const { findings } = examine(object)
  return {
    values: Float32Array.from(OBJECT_NAMES, name => findings.value(name)),
    paths: column => pathsOf(findings, OBJECT_NAMES[column]),
  }
}

/** The input of the change model for the canonical objects before and after. */
export function changeFeatures(oldObject: JsonObject, object: JsonObject): FeatureVector {
  const [before, after] = [examine(oldObject), examine(object)]
  const changes = new Findings<ChangeOnlyFeature>(CHANGE_SPECS)
  noteChange(before.side, after.side, changes.note)
  const deltaOf = (name: ObjectFeature): number => onGrid(after.findings.value(name) - before.findings.value(name))
  noteAdded(after.findings, deltaOf, changes)
  return {
    values: Float32Array.of(
      ...OBJECT_NAMES.map(name => after.findings.value(name)),
      ...DELTA_NAMES.map(deltaOf),
      ...CHANGE_NAMES.map(name => changes.value(name)),
    ),
    paths: column => {
      if (column < OBJECT_NAMES.length) return pathsOf(after.findings, OBJECT_NAMES[column])
      const delta = column - OBJECT_NAMES.length
      if (delta >= DELTA_NAMES.length) return pathsOf(changes, CHANGE_NAMES[delta - DELTA_NAMES.length])
      const known = pathsOf(before.findings, DELTA_NAMES[delta])
      const paths = pathsOf(after.findings, DELTA_NAMES[delta])
      const fresh = paths.filter(path => !known.includes(path))
      return fresh.length > 0 ? fresh : paths
    },
  }
}

function pathsOf<Name extends string>(findings: Findings<Name>, name: Name | undefined): readonly string[] {
  return name === undefined ? [] : findings.paths(name)
}

function examine(object: JsonObject): { readonly findings: Findings<ObjectFeature>; readonly side: Side } {
  const findings = new Findings<ObjectFeature>(OBJECT_SPECS)
  const places = findPlaces(object)
  notePods(places, findings.note)
  noteCommands(object, places, findings.note)
  noteImages(places, findings.note)
  noteRbac(object, findings.note)
  noteExposure(object, findings.note)
  noteControlPlane(object, findings.note)
  noteKind(object, findings.note)
  notePrior(findings)
  return { findings, side: { object, places } }
}

function notePrior(findings: Findings<ObjectFeature>): void {
  const evidence = Array.from(findings.names(), name => evidenceOf(name, findings.value(name), OBJECT_SPECS[name]))
  const { sum, max, groups, strongest } = weigh(evidence, 'object')
  const [path = ''] = strongest === null ? [] : findings.paths(strongest as ObjectFeature)
  findings.note('prior.sum', sum, path)
  findings.note('prior.max', max, path)
  findings.note('prior.groups', groups, path)
}

/** Weighs what is more in the new object, and what only the comparison shows. */
function noteAdded(
  after: Findings<ObjectFeature>,
  deltaOf: (name: ObjectFeature) => number,
  changes: Findings<ChangeOnlyFeature>,
): void {
  const more = Array.from(after.names(), name => evidenceOf(name, deltaOf(name), OBJECT_SPECS[name]))
  const other = Array.from(changes.names(), name => evidenceOf(name, changes.value(name), CHANGE_SPECS[name]))
  const { sum, max, groups, strongest } = weigh([...more, ...other], 'change')
  const [path = ''] =
    strongest === null
      ? []
      : Object.hasOwn(CHANGE_SPECS, strongest)
        ? changes.paths(strongest as ChangeOnlyFeature)
        : after.paths(strongest as ObjectFeature)
  changes.note('added.sum', sum, path)
  changes.note('added.max', max, path)
  changes.note('added.groups', groups, path)
}

function evidenceOf(name: string, value: number, spec: FeatureSpec): Evidence {
  return { name, value, spec }
}
