import { quoted } from '../command.js'
import type { ClusterFacts, Look, Right } from '../facts.js'
import type { Finding } from '../finding.js'

interface Refusal extends Omit<Right, 'verb'> {
  readonly verbs: readonly string[]
  readonly errors: readonly string[]
  /** null: it was no matter of rights */
  readonly user: string | null
}

/** What could not be looked at, so that silence about it means nothing. */
export function checkAccess({ looks }: ClusterFacts): readonly Finding[] {
  const refusals = refusalsOf(Object.values(looks) as Look<unknown>[])
  if (refusals.length === 0) {
    return [{ id: 'access.all', level: 'ok', title: 'Everything could be looked at', detail: '', fix: '' }]
  }
  return refusals.map(refusal => {
    const { target, namespace, verbs, errors, user } = refusal
    return {
      id: `access.${target.replace(/^\//, '')}`,
      level: 'warn',
      title: `Could not look: ${verbs.join(', ')} ${target}${namespace === null ? '' : ` in ${namespace}`}`,
      detail: errors.join('\n'),
      fix: user === null ? 'kubectl get --raw=/readyz' : grant(refusal, user),
    }
  })
}

/** One for each resource or path, whatever was wanted of it. */
function refusalsOf(looks: readonly Look<unknown>[]): readonly Refusal[] {
  const found = new Map<string, Refusal>()
  for (const look of looks) {
    if (!('right' in look)) continue
    const { right, error, user } = look
    const { target, namespace, verb, name } = right
    const before = found.get(target)
    found.set(target, {
      target,
      namespace,
      name: before === undefined || before.name === name ? name : null,
      verbs: [...new Set([...(before?.verbs ?? []), verb])],
      errors: [...new Set([...(before?.errors ?? []), error])],
      user: before?.user ?? user,
    })
  }
  return [...found.values()]
}

function grant({ verbs, target, namespace, name: object }: Refusal, user: string): string {
  const name = `lockkeeper-doctor-${target.replace(/^\//, '')}`
  const where = namespace === null ? '' : ` -n ${quoted(namespace)}`
  const [role, binding] = namespace === null ? ['clusterrole', 'clusterrolebinding'] : ['role', 'rolebinding']
  const only = object === null ? '' : ` --resource-name=${quoted(object)}`
  const what = target.startsWith('/') ? `--non-resource-url=${target}` : `--resource=${target}${only}`
  const bound = `kubectl create ${binding}${where} ${quoted(name)} --${role}=${quoted(name)} `
  // kubectl wants a service account in a word of its own.
  const [, account] = /^system:serviceaccount:([^:]+:[^:]+)$/.exec(user) ?? []
  const subject = account === undefined ? `--user=${quoted(user)}` : `--serviceaccount=${quoted(account)}`
  return `kubectl create ${role}${where} ${quoted(name)} --verb=${verbs.join(',')} ${what}\n${bound}${subject}`
}
