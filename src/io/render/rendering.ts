import type { RenderTool, ToolPlaces } from './find-tool.js'
import type { RenderPlace } from './tree.js'
import type { ToolLimits, ToolResult, ToolRun } from './tool-process.js'

/** How a source is rendered: the tools, the time, and what `$NAMES` stand for. */
export interface RenderOptions extends ToolPlaces, ToolLimits {
  /** What `$NAME` and `${NAME}` stand for in paths of values files, parameters, images, labels and annotations. */
  readonly buildEnvironment: Readonly<Record<string, string>>
}

/** Manifests as a text, and where they are from: a file relative to the directory, or the tool's output. */
export interface Rendered {
  readonly file: string
  readonly text: string
}

/** One source on its way to manifests. */
export interface Rendering {
  /** Without links in its two paths. */
  readonly place: RenderPlace
  /** A directory that is removed at the end. */
  readonly temporary: string
  readonly options: RenderOptions
  readonly maxBytes: number
  /** A path as messages show it. */
  readonly shown: (path: string) => string
  /** A text with the build environment's values in the place of names. */
  readonly substitute: (text: string) => string
  readonly tool: (tool: RenderTool) => Promise<string>
  /** @throws GateError RENDER_FAILED when the time is over; for what runs no program */
  readonly checkTime: () => void
  /** Runs a program with the environment of the tools and `env` over it, within what is left of the time. */
  readonly run: (run: Omit<ToolRun, 'subject' | 'shownAs'>) => Promise<ToolResult>
}
