import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { GateError } from '../../errors.js'
import { decodeUtf8 } from '../../manifest.js'
import { MAX_FILE_BYTES } from '../files.js'
import { renderCommand } from './command.js'
import { renderDirectory } from './directory.js'
import { substituteNames } from './environment-names.js'
import { findTool, type RenderTool, type ToolPlaces } from './find-tool.js'
import { renderHelm } from './helm.js'
import { renderKustomize } from './kustomize.js'
import type { Rendered, Rendering, RenderOptions } from './rendering.js'
import type { RenderSource } from './source.js'
import { checkTree, resolvePlace, shownPath, type RenderPlace } from './tree.js'
import { outputOf, runTool, type ToolLimits } from './tool-process.js'

/** A name that helm accepts for a release, of a chart that nobody installs here. */
const RELEASE = 'release-name'
const TIMEOUT_MS = 60_000

/**
 * Renders a kustomization or a chart as it is, without an Application's options, to a YAML stream. Nothing is fetched for a
 * chart and no hook is run.
 *
 * @throws GateError RENDER_TOOL_MISSING, RENDER_FAILED (with what the tool said) or MANIFEST_TOO_LARGE
 */
export async function render(
  tool: RenderTool,
  directory: string,
  options: ToolPlaces & ToolLimits,
): Promise<Uint8Array> {
  const binary = await findTool(tool, directory, options)
  // An absolute path cannot be taken for a flag or for a remote address.
  const target = resolve(directory)
  const args = tool === 'kustomize' ? ['build', target] : ['template', RELEASE, target]
  return outputOf(await runTool({ tool, binary, args, subject: directory, env: options.env }, options))
}

/**
 * Renders a source as Argo CD's built-in tools do, all of it within one time-out. The tree has to be a copy: kustomizations
 * are changed and dependencies of charts are put into it.
 *
 * @returns texts of YAML or JSON documents, in Argo CD's order
 * @throws GateError RENDER_TOOL_MISSING, RENDER_FAILED, MANIFEST_TOO_LARGE, FILE_UNREADABLE, or what is wrong with a file
 */
export async function renderSource(
  source: RenderSource,
  place: RenderPlace,
  options: RenderOptions,
): Promise<readonly Rendered[]> {
  const temporary = await mkdtemp(join(tmpdir(), 'lockkeeper-render-'))
  try {
    const rendering = createRendering(await resolvePlace(place), temporary, options)
    // Tools read files whole; of a directory only the manifests are read, and each is looked at then.
    const isWhole = source.tool === 'helm' || source.tool === 'kustomize'
    await checkTree(rendering.place, isWhole ? rendering.maxBytes : Infinity)
    return await renderWith(source, rendering)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function renderWith(source: RenderSource, rendering: Rendering): Promise<readonly Rendered[]> {
  const one = (file: string, output: Uint8Array) => [{ file, text: decodeUtf8(output, file) }]
  switch (source.tool) {
    case 'helm':
      return one('Chart.yaml (rendered)', await renderHelm(source, rendering))
    case 'kustomize':
      return one('kustomization.yaml (rendered)', await renderKustomize(source, rendering))
    case 'directory':
      return renderDirectory(source, rendering)
    case 'command':
      return one(`${source.command[0] ?? ''} (rendered)`, await renderCommand(source, rendering))
  }
}

/** One rendering, from now on. */
export function createRendering(place: RenderPlace, temporary: string, options: RenderOptions): Rendering {
  const { timeoutMs = TIMEOUT_MS, maxBytes = MAX_FILE_BYTES } = options
  const startedAtMs = performance.now()
  const subject = shownPath(place.root, place.directory)
  const shownAs = {
    [join(temporary, 'values.yaml')]: 'the values of the source',
    [place.root]: '.',
    [temporary]: '<temporary>',
  }
  return {
    place,
    temporary,
    options,
    maxBytes,
    shown: path => shownPath(place.root, path),
    substitute: text => substituteNames(text, options.buildEnvironment),
    tool: tool => findTool(tool, subject, options),
    run: run =>
      runTool(
        { ...run, subject, shownAs, env: { ...options.env, ...run.env } },
        { ...options, timeoutMs, maxBytes },
        startedAtMs,
      ),
    checkTime: () => {
      if (performance.now() - startedAtMs < timeoutMs) return
      throw new GateError('RENDER_FAILED', `${subject}: reading was stopped after ${timeoutMs / 1000} seconds`)
    },
  }
}
