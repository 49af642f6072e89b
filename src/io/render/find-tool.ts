import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { GateError } from '../../errors.js'

/** The tools that render a directory; we have no kustomize and no helm of our own. */
export type RenderTool = 'kustomize' | 'helm'

/** How the tools are found. */
export interface ToolPlaces {
  /** The user's choice of binary, by tool. */
  readonly binaries: Readonly<Partial<Record<RenderTool, string>>>
  /** The environment of the tool; its PATH is searched. */
  readonly env: Readonly<Record<string, string | undefined>>
}

const INSTALL: Readonly<Record<RenderTool, string>> = {
  kustomize:
    'install kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize/) or name it with --kustomize <binary>',
  helm: 'install helm (https://helm.sh/docs/intro/install/) or name it with --helm <binary>',
}

/**
 * The path of a tool.
 *
 * @param directory what needs it, for the message
 * @throws GateError RENDER_TOOL_MISSING
 */
export async function findTool(tool: RenderTool, directory: string, { binaries, env }: ToolPlaces): Promise<string> {
  const named = binaries[tool]
  const found = await findProgram(named ?? tool, env.PATH)
  if (found !== null) return found
  const missing = named === undefined ? `${tool} was not found` : `${named} cannot be run`
  const message = `${directory}: needs ${tool} to be rendered, and ${missing}: ${INSTALL[tool]}`
  throw new GateError('RENDER_TOOL_MISSING', message, { position: { file: directory } })
}

/** A program by its path, or by its name in the absolute folders of a PATH; null when there is none that can be run. */
export async function findProgram(name: string, path: string | undefined): Promise<string | null> {
  const folders = (path ?? '').split(delimiter).filter(folder => isAbsolute(folder))
  const candidates = /[/\\]/.test(name) ? [resolve(name)] : folders.map(folder => join(folder, name))
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate
  }
  return null
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
