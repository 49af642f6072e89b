import { announce, PARAMETER_LIST } from './parameter-table.js'

/**
 * The text of plugin.yaml. Applications name the plugin themselves, as `lockkeeper-v1`: discovery would also take
 * directories that nobody asked it to. The interface has a version, and the program's own stands beside it.
 *
 * @param commands what argocd-cmp-server runs
 */
export function pluginManifest(
  version: string,
  commands: { readonly generate: readonly string[]; readonly parameters: readonly string[] },
): string {
  const manifest = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'ConfigManagementPlugin',
    metadata: { name: 'lockkeeper', annotations: { 'lockkeeper.dev/version': version } },
    spec: {
      version: 'v1',
      generate: { command: commands.generate },
      parameters: {
        // What is read from the directory is announced by the command: an announcement here would go over it.
        static: PARAMETER_LIST.filter(([, parameter]) => parameter.isRead !== true).map(([name]) => announce(name)),
        dynamic: { command: commands.parameters },
      },
      preserveFileMode: false,
    },
  }
  return `# Made by lockkeeper generate plugin.\n${yaml(manifest, '')}`
}

/** Block mappings and lists with every text in double quotes: enough for plugin.yaml, and the same in every version of YAML. */
function yaml(value: unknown, indent: string): string {
  if (Array.isArray(value) && value.some(item => typeof item === 'object')) {
    return value.map(item => `${indent}- ${yaml(item, `${indent}  `).slice(indent.length + 2)}`).join('')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${indent}${JSON.stringify(value)}\n`
  return Object.entries(value)
    .map(([key, member]) => {
      const isBlock =
        typeof member === 'object' &&
        member !== null &&
        Object.keys(member as object).length > 0 &&
        !(Array.isArray(member) && member.every(item => typeof item !== 'object'))
      return isBlock
        ? `${indent}${key}:\n${yaml(member, `${indent}  `)}`
        : `${indent}${key}: ${JSON.stringify(member)}\n`
    })
    .join('')
}
