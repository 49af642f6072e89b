import { readdir } from 'node:fs/promises'
import { unreadable } from '../files.js'
import { compareBytes } from './tree.js'

/** The names that make a directory a kustomization. */
export const KUSTOMIZATION_NAMES: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

/**
 * Which tool a directory is rendered with when nobody says: helm for a file whose name ends in `Chart.yaml`, kustomize for
 * a kustomization; of both the one whose file comes last by name, as Argo CD walks them.
 *
 * @throws GateError FILE_UNREADABLE
 */
export async function detectTool(directory: string): Promise<'helm' | 'kustomize' | 'directory'> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    let tool: 'helm' | 'kustomize' | 'directory' = 'directory'
    const names = entries.filter(entry => !entry.isDirectory()).map(entry => entry.name)
    for (const name of names.sort(compareBytes)) {
      if (name.endsWith('Chart.yaml')) tool = 'helm'
      if (KUSTOMIZATION_NAMES.includes(name)) tool = 'kustomize'
    }
    return tool
  } catch (error) {
    throw unreadable(directory, error)
  }
}
