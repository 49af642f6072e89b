import { isJsonObject, type Json, stringMembers } from '../src/json.js'
import { selects } from '../src/match.js'
import type { LabelSelector } from '../src/policy/policy-types.js'
import { memberObjects, memberText, memberTexts } from './members.js'

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
const OPERATORS: readonly Operator[] = ['In', 'NotIn', 'Exists', 'DoesNotExist']

/** Reads the selector of an object; an absent one selects everything. */
export function readSelector(value: Json | undefined): LabelSelector {
  return {
    matchLabels: isJsonObject(value) ? stringMembers(value.matchLabels) : {},
    matchExpressions: memberObjects(value, 'matchExpressions').flatMap(each => {
      const operator = OPERATORS.find(known => known === each.operator)
      return operator === undefined
        ? []
        : [{ key: memberText(each, 'key'), operator, values: memberTexts(each, 'values') }]
    }),
  }
}

/** Whether the selector of an object lets these labels through. */
export function selectsLabels(value: Json | undefined, labels: Readonly<Record<string, string>>): boolean {
  return selects(readSelector(value), labels)
}
