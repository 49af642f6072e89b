/** How the API server's plug-in calls the controls of the Pod Security Standards in its messages. */
export const CONTROL_WORDS = [
  'allowPrivilegeEscalation != false',
  'forbidden AppArmor profile',
  'forbidden sysctls',
  'host namespaces',
  'hostPath volumes',
  'hostPort',
  'hostProcess',
  'non-default capabilities',
  'privileged',
  'probe or lifecycle host',
  'procMount',
  'restricted volume types',
  'runAsNonRoot != true',
  'runAsUser=0',
  'seLinuxOptions',
  'seccompProfile',
  'unrestricted capabilities',
] as const
type ControlWord = (typeof CONTROL_WORDS)[number]

/** What a policy of ours is called there. */
interface PolicyWord {
  readonly word: ControlWord
  /** At the restricted level another control stands for it, since a minor version. */
  readonly restricted?: { readonly word: ControlWord; readonly since: number }
}

/** The policies for the controls of the standard. */
export const POLICY_WORDS: Readonly<Record<string, PolicyWord>> = {
  app_armor_profile: { word: 'forbidden AppArmor profile' },
  capabilities: {
    word: 'non-default capabilities',
    restricted: { word: 'unrestricted capabilities', since: 22 },
  },
  capabilities_restricted: { word: 'unrestricted capabilities' },
  host_namespaces: { word: 'host namespaces' },
  host_path_volumes: { word: 'hostPath volumes', restricted: { word: 'restricted volume types', since: 0 } },
  host_ports: { word: 'hostPort' },
  host_probes: { word: 'probe or lifecycle host' },
  privilege_escalation: { word: 'allowPrivilegeEscalation != false' },
  privileged_containers: { word: 'privileged' },
  proc_mount: { word: 'procMount' },
  proc_mount_restricted: { word: 'procMount' },
  restricted_volumes: { word: 'restricted volume types' },
  run_as_non_root: { word: 'runAsNonRoot != true' },
  run_as_user: { word: 'runAsUser=0' },
  seccomp_profile: { word: 'seccompProfile' },
  seccomp_profile_restricted: { word: 'seccompProfile' },
  selinux_options: { word: 'seLinuxOptions' },
  sysctls: { word: 'forbidden sysctls' },
  windows_host_process: { word: 'hostProcess' },
}

/** The word for a policy's violation at a level and version (`restricted:v1.37`); undefined for other policies. */
export function wordOf(policy: string, levelVersion: string): ControlWord | undefined {
  const { word, restricted } = POLICY_WORDS[policy] ?? {}
  const [level, version = ''] = levelVersion.split(':v1.')
  return level === 'restricted' && restricted !== undefined && Number(version) >= restricted.since
    ? restricted.word
    : word
}

/**
 * The controls in `… violates PodSecurity "baseline:v1.37": host namespaces (hostPID=true), hostPort (…)`, sorted.
 *
 * @throws Error for a text of another form, or with an unknown control
 */
export function controlsInMessage(message: string): readonly string[] {
  const list = /violates? PodSecurity "\w+:[\w.]+": (.*)$/s.exec(message)?.[1]
  if (list === undefined) throw new Error(`not refused by PodSecurity: ${message}`)
  const found: string[] = []
  let rest = list
  while (rest !== '') {
    const word = CONTROL_WORDS.find(each => rest.startsWith(each))
    if (word === undefined) throw new Error(`no known control at "${rest.slice(0, 80)}" of: ${message}`)
    found.push(word)
    // The plural of one control; details contain what users wrote, so their end is where the next control begins.
    rest = rest.slice(word.length).replace(/^s(?=[ ,(]|$)/, '')
    if (rest.startsWith(' (')) rest = rest.slice(endOfDetails(rest))
    rest = rest.replace(/^, /, '')
  }
  return [...new Set(found)].sort()
}

function endOfDetails(text: string): number {
  for (let at = text.indexOf(')'); at >= 0; at = text.indexOf(')', at + 1)) {
    const next = text.slice(at + 1)
    if (next === '' || CONTROL_WORDS.some(word => next.startsWith(`, ${word}`))) return at + 1
  }
  throw new Error(`details without an end: ${text}`)
}

/** The controls in the `Warning` headers of an answer; warnings of others are left out. */
export function controlsInWarnings(header: string | readonly string[] | undefined): readonly string[] {
  const texts = [...String(header ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  )
  const own = texts.filter(text => text.startsWith('would violate PodSecurity'))
  return [...new Set(own.flatMap(controlsInMessage))].sort()
}
