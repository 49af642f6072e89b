import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { GateError } from '../../errors.js'
import { MAX_FILE_BYTES, readStream } from '../files.js'

/** The tools that render a directory; we have no kustomize and no helm of our own. */
export type RenderTool = 'kustomize' | 'helm'

/** How the tools are found and how long they may take. */
export interface RenderOptions {
  /** The user's choice of binary, by tool. */
  readonly binaries: Readonly<Partial<Record<RenderTool, string>>>
  /** The environment of the tool; its PATH is searched. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs?: number
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

const TIMEOUT_MS = 60_000
const MAX_QUOTED_LENGTH = 600

const INSTALL: Readonly<Record<RenderTool, string>> = {
  kustomize:
    'install kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize/) or name it with --kustomize <binary>',
  helm: 'install helm (https://helm.sh/docs/intro/install/) or name it with --helm <binary>',
}

/** A name that helm accepts for a release, of a chart that nobody installs here. */
const RELEASE = 'release-name'

/**
 * Renders a kustomization or a chart to a YAML stream. Nothing is fetched for a chart and no hook is run.
 *
 * @throws GateError RENDER_TOOL_MISSING, RENDER_FAILED (with what the tool said) or MANIFEST_TOO_LARGE
 */
export async function render(tool: RenderTool, directory: string, options: RenderOptions): Promise<Uint8Array> {
  const binary = await findTool(tool, directory, options)
  // An absolute path cannot be taken for a flag or for a remote address.
  const target = resolve(directory)
  const args = tool === 'kustomize' ? ['build', target] : ['template', RELEASE, target]
  return run(tool, binary, args, directory, options)
}

async function findTool(tool: RenderTool, directory: string, { binaries, env }: RenderOptions): Promise<string> {
  const named = binaries[tool]
  const isPath = named !== undefined && /[/\\]/.test(named)
  const folders = (env.PATH ?? '').split(delimiter).filter(folder => isAbsolute(folder))
  const candidates = isPath ? [resolve(named)] : folders.map(folder => join(folder, named ?? tool))
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate
  }
  const missing = named === undefined ? `${tool} was not found` : `${named} cannot be run`
  const message = `${directory}: needs ${tool} to be rendered, and ${missing}: ${INSTALL[tool]}`
  throw new GateError('RENDER_TOOL_MISSING', message, { position: { file: directory } })
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function run(
  tool: RenderTool,
  binary: string,
  args: readonly string[],
  directory: string,
  { env, timeoutMs = TIMEOUT_MS, maxBytes = MAX_FILE_BYTES, signal }: RenderOptions,
): Promise<Uint8Array> {
  const child = spawn(binary, args, { env: { ...env }, shell: false, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = new Promise<{ readonly code: number | null; readonly failure?: Error }>(done => {
    child.once('error', failure => {
      done({ code: null, failure })
    })
    child.once('close', code => {
      done({ code })
    })
  })
  // The compiler does not see that stop() runs in between.
  let stopped = false as boolean
  const stop = (): void => {
    stopped = true
    child.kill('SIGKILL')
    // Whatever the tool started itself may hold its output open.
    child.stdout.destroy()
    child.stderr.destroy()
  }
  // Not spawn's own timeout and signal: the timer outlives a tool that could not be started.
  const timer = setTimeout(stop, timeoutMs)
  signal?.addEventListener('abort', stop, { once: true })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_QUOTED_LENGTH) said += text
  })
  const failed = (reason: string, cause?: unknown): GateError => {
    const quoted = said.trim().slice(0, MAX_QUOTED_LENGTH)
    const message = `${directory}: ${tool} ${reason}${quoted === '' ? '' : `: ${quoted}`}`
    return new GateError('RENDER_FAILED', message, { cause, position: { file: directory } })
  }
  try {
    const output = await readStream(child.stdout, `${directory}: the output of ${tool}`, maxBytes)
    const { code, failure } = await closed
    if (failure !== undefined) throw failed(`could not be started (${failure.message})`, failure)
    if (code !== 0) throw failed(code === null ? 'was killed' : `failed with exit code ${code}`)
    return output
  } catch (error) {
    signal?.throwIfAborted()
    throw stopped ? failed(`was stopped after ${timeoutMs / 1000} seconds`, error) : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
    stop()
  }
}
