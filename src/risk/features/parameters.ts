import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import { segment, textOr, textsOf } from './places.js'

/** What a parameter stands for where it is used. */
export interface ParameterText {
  readonly text: string
  readonly path: string
}

/** `$(params.script)` and `$(inputs.params.script)` of Tekton, `{{inputs.parameters.script}}` of Argo Workflows. */
const REFERENCE = /\$\((?:inputs\.)?params(?:\.|\[["'])([\w.-]+)|\{\{-?\s*[\w.]{0,80}parameters\.([\w.-]+)/g

/**
 * The values of an object's parameters, so that a command that is only `$(params.script)` says what it runs. They are looked
 * for when a text uses one.
 */
export class Parameters {
  readonly #object: JsonObject
  #values: ReadonlyMap<string, readonly ParameterText[]> | null = null

  constructor(object: JsonObject) {
    this.#object = object
  }

  /** The values of all parameters that a text uses. */
  usedIn(text: string): readonly ParameterText[] {
    if (!text.includes('param')) return []
    const names = new Set([...text.matchAll(REFERENCE)].map(([, tekton, argo]) => tekton ?? argo ?? ''))
    if (names.size === 0) return []
    const values = (this.#values ??= collected(this.#object))
    return [...names].flatMap(name => values.get(name) ?? [])
  }
}

/** Any list of parameters, wherever it is: a task's default, a run's value. */
function collected(object: JsonObject): ReadonlyMap<string, readonly ParameterText[]> {
  const values = new Map<string, ParameterText[]>()
  const walk = (value: Json, path: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => walkMember(item, `${path}/${index}`))
    else if (isJsonObject(value)) {
      for (const key in value) {
        const member = value[key]
        const at = `${path}/${segment(key)}`
        if ((key === 'params' || key === 'parameters') && Array.isArray(member)) {
          member.forEach((item, index) => add(item, `${at}/${index}`))
        }
        if (member !== undefined) walkMember(member, at)
      }
    }
  }
  const walkMember = (member: Json, path: string): void => {
    if (typeof member === 'object' && member !== null) walk(member, path)
  }
  const add = (item: Json, path: string): void => {
    if (!isJsonObject(item)) return
    for (const key of ['default', 'value'] as const) {
      const text = typeof item[key] === 'string' ? item[key] : textsOf(item[key]).join(' ')
      const name = textOr(item.name)
      if (text === '' || name === '') continue
      const known = values.get(name)
      if (known === undefined) values.set(name, [{ text, path: `${path}/${key}` }])
      else known.push({ text, path: `${path}/${key}` })
    }
  }
  walk(object, '')
  return values
}
