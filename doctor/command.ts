import { type Json, stringifyJson } from '../src/json.js'

/** One argument as a POSIX shell takes it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** The command that changes a webhook configuration by a JSON patch. */
export function patchCommand(
  kind: 'validatingwebhookconfiguration' | 'mutatingwebhookconfiguration',
  name: string,
  patch: readonly Json[],
): string {
  return `kubectl patch ${kind} ${quoted(name)} --type=json -p ${quoted(stringifyJson([...patch]))}`
}

/** The command after which the gate writes its configuration anew. */
export function restartCommand(namespace: string): string {
  return `kubectl -n ${quoted(namespace)} rollout restart deployment/lockkeeper-webhook`
}

/** The command that gives the first container of a Deployment one more argument. */
export function patchDeployment(namespace: string, name: string, argument: string): string {
  const patch = [{ op: 'add', path: '/spec/template/spec/containers/0/args/-', value: argument }]
  return `kubectl -n ${quoted(namespace)} patch deployment ${quoted(name)} --type=json -p ${quoted(stringifyJson(patch))}`
}

/**
 * The commands of a repair while no gate answers: with failurePolicy Fail everything else would be refused before the first one.
 */
export function repairCommands(configurationName: string, commands: readonly string[]): string {
  return [
    `kubectl delete validatingwebhookconfiguration ${quoted(configurationName)}`,
    ...commands,
    'Nothing is judged after the first line, until a gate answers again: it makes the configuration anew.',
  ].join('\n')
}
