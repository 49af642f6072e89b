import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findTool } from './find-tool.js'
import { checkFilesInside, checkOffline } from './offline-reach.js'
import { checkReach } from './kustomize-reach.js'
import { createRendering } from './render.js'
import type { RenderOptions } from './rendering.js'
import { checkTree, resolvePlace, shownPath, type RenderPlace } from './tree.js'
import { outputOf } from './tool-process.js'

/** Nobody listens there: what we do not see in a kustomization is not fetched either. */
const NOWHERE = 'http://127.0.0.1:9'

/** kustomize says so of a file beside the kustomization that names it. */
const FILE_REFUSED = /security; file '.*' is not in or below/s

/**
 * Builds a kustomization from its tree alone: nothing is fetched, no program is started, nothing outside of the root is
 * read, and the environment is empty. Other than Argo CD's, a kustomization may name files beside it, within the root.
 *
 * @throws GateError RENDER_TOOL_MISSING, RENDER_FAILED, MANIFEST_TOO_LARGE, FILE_UNREADABLE, or what is wrong with a file
 * @see Flux's kustomize package 1.35, SecureBuild
 */
export async function buildOffline(at: RenderPlace, options: RenderOptions): Promise<Uint8Array> {
  const temporary = await mkdtemp(join(tmpdir(), 'lockkeeper-render-'))
  try {
    const place = await resolvePlace(at)
    const binary = await findTool('kustomize', shownPath(place.root, place.directory), options)
    // A generator may ask for any variable of the environment.
    const rendering = createRendering(place, temporary, { ...options, env: {} })
    await checkTree(place, rendering.maxBytes)
    await checkReach(rendering)
    await checkOffline(rendering)
    const home = join(temporary, 'home')
    await mkdir(home)
    const env = {
      PATH: home,
      HOME: home,
      HTTP_PROXY: NOWHERE,
      HTTPS_PROXY: NOWHERE,
      http_proxy: '',
      https_proxy: '',
      NO_PROXY: '',
    }
    const build = (restrictor: string) => {
      const args = ['build', '--load-restrictor', restrictor, place.directory]
      return rendering.run({ tool: 'kustomize', binary, args, cwd: place.root, env })
    }
    const built = await build('LoadRestrictionsRootOnly')
    if (built.failure === null || !FILE_REFUSED.test(built.said)) return outputOf(built)
    // Without its own restriction kustomize would read any file; so ours has to hold first.
    await checkFilesInside(rendering)
    return outputOf(await build('LoadRestrictionsNone'))
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}
