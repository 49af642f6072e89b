import { createHash } from 'node:crypto'
import { canonicalJson } from '../../../src/canonical.js'
import { GateError } from '../../../src/errors.js'
import type { VariablesReference } from '../judgement/tree-judgement.js'
import type { KustomizationSpec } from './spec.js'

/** The variables of a Kustomization, and which objects they are from. */
export interface Variables {
  readonly values: ReadonlyMap<string, string>
  readonly read: readonly (VariablesReference & { readonly digest: string | null })[]
}

const NAME = /^[_A-Za-z][_A-Za-z0-9]*$/

/**
 * Asks for the variables that a Kustomization substitutes: those of a later object go over those of an earlier one, its own
 * over all. Line feeds in values are dropped.
 *
 * @throws GateError MANIFEST_INVALID for an object that is not there and not optional, or a name that no variable has
 * @see Flux's kustomize package 1.35, LoadVariables
 */
export async function loadVariables(
  { namespace, postBuild }: Pick<KustomizationSpec, 'namespace' | 'postBuild'>,
  ask: (reference: VariablesReference) => Promise<ReadonlyMap<string, string> | null>,
): Promise<Variables> {
  const values = new Map<string, string>()
  const read: Variables['read'][number][] = []
  const problems: string[] = []
  for (const { kind, name, optional } of postBuild?.substituteFrom ?? []) {
    const reference = { kind, namespace, name }
    const data = await ask(reference)
    read.push({ ...reference, digest: data === null ? null : digestOf(data) })
    if (data === null && !optional) problems.push(`${kind} ${namespace}/${name} of substituteFrom is not there`)
    for (const [key, value] of data ?? []) values.set(key, value.replaceAll('\n', ''))
  }
  for (const [key, value] of Object.entries(postBuild?.substitute ?? {})) values.set(key, value.replaceAll('\n', ''))
  for (const name of values.keys()) {
    if (!NAME.test(name)) problems.push(`${JSON.stringify(name)} is no name of a variable`)
  }
  if (problems.length > 0) throw new GateError('MANIFEST_INVALID', problems.join('\n'))
  return { values, read }
}

function digestOf(data: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(canonicalJson(Object.fromEntries(data)))
    .digest('hex')
}
