import type { InstallationFacts, InstalledBundle } from '../facts.js'
import type { Finding } from '../finding.js'

/** `engines` of package.json. */
const OLDEST_NODE = [20, 19] as const
const DIGEST_LENGTH = 'sha256:'.length + 12

/** Whether what is installed here can judge. */
export function checkInstallation(facts: InstallationFacts): readonly Finding[] {
  return [checkNode(facts), ...checkBundle(facts.bundle, facts.nowMs), ...checkPrograms(facts)]
}

function checkNode({ version, nodeVersion }: InstallationFacts): Finding {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number)
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
  return {
    id: 'installation.node',
    level: isOld ? 'error' : 'ok',
    title: `lockkeeper ${version} runs on Node ${nodeVersion}`,
    detail: isOld ? 'It is not tested on versions before this one.' : '',
    fix: isOld ? `Install Node ${OLDEST_NODE.join('.')} or newer.` : '',
  }
}

function checkBundle(bundle: InstalledBundle, nowMs: number): readonly Finding[] {
  const id = 'installation.bundle'
  if ('error' in bundle) {
    return [
      {
        id,
        level: 'error',
        title: `The bundle ${bundle.name} cannot be used`,
        detail: bundle.error,
        fix: bundle.name === 'built-in' ? 'Install lockkeeper anew.' : `lockkeeper bundle inspect ${bundle.name}`,
      },
    ]
  }
  const { name, digest, revision, policies, signed, exceptions } = bundle
  const ended = exceptions.filter(each => each.invalid !== null || Date.parse(each.notAfter) <= nowMs)
  return [
    {
      id,
      level: 'ok',
      title: `The bundle ${name} can judge: ${policies} policies`,
      detail: `${digest.slice(0, DIGEST_LENGTH)}, revision ${revision}, ${signed ? 'signed' : 'not signed'}`,
      fix: '',
    },
    ...(ended.length === 0
      ? []
      : [
          {
            id: 'installation.exceptions',
            level: 'warn',
            title: 'Exceptions of the bundle are not in force',
            detail: ended.map(each => `${each.name}: ${each.invalid ?? `ended ${each.notAfter}`}`).join('\n'),
            fix: 'Remove them from lockkeeper/exceptions of the bundle, or give them a new notAfter.',
          } as const,
        ]),
  ]
}

function checkPrograms({ missingPrograms }: InstallationFacts): readonly Finding[] {
  if (missingPrograms.length === 0) {
    return [
      {
        id: 'installation.programs',
        level: 'ok',
        title: 'kustomize and helm are there to render with',
        detail: '',
        fix: '',
      },
    ]
  }
  return [
    {
      id: 'installation.programs',
      level: 'info',
      title: `Not on PATH: ${missingPrograms.join(', ')}`,
      detail: 'scan cannot judge directories that need them; no gate in a cluster does.',
      fix: 'Install them, or name them with --kustomize and --helm.',
    },
  ]
}
